"""What a loss may be made from: class counts and numbers in their range.

Imports nothing but the standard library and our settings.
"""

import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from rebalance.errors import LossError, meant, shown

LARGEST = 1e6  # of a loss's options

BY_CLASS = ("matrix", "alpha")  # options that may be said of each class by its name, or in a file
SEARCHED = "search"  # in place of a file of costs: they are searched on images held out

ClassCounts = Mapping[str, int] | Sequence[int]
"""Training images of each class, in class order; a mapping also tells the classes' names."""


def counts_of(class_counts: ClassCounts) -> list[int]:
    """The counts alone, in class order.

    Raises LossError for fewer than two classes, and for a count that is no whole number from 0 on.
    """
    names = names_of(class_counts)
    if len(names) < 2:
        raise LossError(f"a loss needs at least two classes, but there are {len(names)}")
    counts = list(class_counts.values() if isinstance(class_counts, Mapping) else class_counts)
    return [_whole(name, count) for name, count in zip(names, counts, strict=True)]


def counts_of_filled(class_counts: ClassCounts) -> list[int]:
    """``counts_of`` for a loss that divides by them: also raises LossError for a count of 0."""
    counts = counts_of(class_counts)
    for name, count in zip(names_of(class_counts), counts, strict=True):
        if count == 0:
            raise LossError(
                f"class {name!r} has 0 training images, and this loss needs at least 1 of every "
                "class: add some, leave the class out, or choose another loss"
            )
    return counts


def names_of(class_counts: ClassCounts) -> list[str | int]:
    """Return what to call each class in an error: its name, or else its index."""
    return list(class_counts if isinstance(class_counts, Mapping) else range(len(class_counts)))


def number(option: str, value: Any, needed: str, fits: Callable[[float], bool]) -> float:
    """``value`` as a finite number that ``fits``; text is read as a command line gives it.

    Raises LossError, which names the ``option`` and says what is ``needed``, for any other; and for
    one of more than ``LARGEST``, with which a loss in single precision overflows.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last by a tensor of several
        found = math.nan
    if not (math.isfinite(found) and fits(found)):
        raise LossError(f"the loss option {option} must be {needed}, not {shown(value)}")
    if abs(found) > LARGEST:
        raise LossError(
            f"the loss option {option} must be {needed} and at most {LARGEST:g}, not {shown(value)}"
        )
    return found


def says_of_each_class(option: str, value: Any) -> bool:
    """Tell whether an option's value speaks of classes by name, or is a file that does.

    >>> from rebalance.losses.arguments import says_of_each_class
    >>> [says_of_each_class("alpha", value) for value in ("0.25", "balanced", "cat=2", "a.csv")]
    [False, False, True, True]
    """
    if option not in BY_CLASS:
        return False
    if not isinstance(value, str):
        of_pairs = isinstance(value, tuple) and all(isinstance(each, tuple) for each in value)
        return option == "alpha" and (isinstance(value, Mapping) or of_pairs)
    return option == "matrix" or (not _is_number(value) and any(sign in value for sign in "=./\\"))


def is_searched(option: str, value: Any) -> bool:
    """Tell whether an option's value is to be searched on images held out.

    >>> from rebalance.losses.arguments import is_searched
    >>> is_searched("matrix", "search"), is_searched("matrix", "./search")
    (True, False)
    """
    return option == "matrix" and isinstance(value, str) and value == SEARCHED


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def at_least_zero(option: str, value: Any) -> float:
    """``number`` from 0 on."""
    return number(option, value, "a number of at least 0", lambda found: found >= 0)


def one_of(option: str, value: Any, choices: Collection[str]) -> str:
    """``value`` if it is one of the ``choices``; LossError, which names the ``option``, if not."""
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(choices)
        raise LossError(
            f"the loss option {option} must be one of {known}, not {shown(value)}"
            f"{meant(value, choices)}"
        )
    return value


def _whole(name: str | int, count: Any) -> int:
    try:
        whole = operator.index(count)
    except TypeError:
        whole = -1
    if whole < 0:
        raise LossError(
            f"class {name!r} needs a whole number of training images, at least 0, not "
            f"{shown(count)}"
        )
    return whole
