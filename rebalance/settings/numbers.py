"""The one check of the numbers that a user gives: of their kind, finite, in range and bounded.

Imports nothing but the standard library and our errors.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

from rebalance.errors import SettingError, shown

LARGEST = 2**31 - 1  # what a number is at most where nothing tighter is said
LARGEST_SEED = 2**63 - 1


class Bounds(Protocol):
    """The bounds of a number; None is no bound, but ``LARGEST`` for the upper one."""

    @property
    def least(self) -> float | None: ...
    @property
    def above(self) -> float | None: ...
    @property
    def most(self) -> float | None: ...
    @property
    def below(self) -> float | None: ...


@dataclass(frozen=True)
class Range:
    """Bounds that are no option's: see ``Option`` for their meaning."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None


def check_number(what: str, value: Any, kind: type, bounds: Bounds) -> None:
    """Raise SettingError unless ``value`` is such a number; True and False are none.

    what: how the complaint begins, such as ``k_max must be``. kind: int or float.
    """
    if not is_number(value, kind, bounds):
        raise SettingError(f"{what} {wanted(kind, bounds, value)}; got {shown(value)}")


def read_number(what: str, text: Any, kind: type, bounds: Bounds) -> Any:
    """The number that a text says, or ``text`` where it is one already; SettingError as above."""
    try:
        found = kind(text) if isinstance(text, str) else text
    except ValueError:  # no number, or one of thousands of digits
        found = None
    if not is_number(found, kind, bounds):
        raise SettingError(f"{what} {wanted(kind, bounds, found)}; got {shown(text)}")
    return found


def is_number(value: Any, kind: type, bounds: Bounds) -> bool:
    """Tell whether ``value`` is a finite number of this kind within these bounds."""
    if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
        return False
    # Compared, never converted: a whole number may be larger than any float.
    return (
        (isinstance(value, int) or isfinite(value))
        and (bounds.least is None or value >= bounds.least)
        and (bounds.above is None or value > bounds.above)
        and (bounds.below is None or value < bounds.below)
        and value <= (LARGEST if bounds.most is None else bounds.most)
    )


def wanted(kind: type, bounds: Bounds, value: Any = None) -> str:
    """Return what is needed, in words.

    ``LARGEST`` and more only where it is what ``value`` exceeds.
    """
    most = LARGEST if bounds.most is None and bounds.below is None else bounds.most
    is_sized = isinstance(value, int | float) and not isinstance(value, bool)
    if most is not None and most >= LARGEST and not (is_sized and value > most):
        most = None
    text = "a whole number" if kind is int else "a number"
    if bounds.above is not None:
        text += f" above {bounds.above}"
    if bounds.least is not None:
        text += f" from {bounds.least} " + ("up" if most is None else f"to {most}")
    elif most is not None:
        text += (" and" if bounds.above is not None else "") + f" at most {most}"
    return text + (f" and below {bounds.below}" if bounds.below is not None else "")
