"""How many samples each class is to have.

Class sizes in, class sizes out; imports neither numpy nor torch.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from math import floor

from rebalance.errors import TargetError
from rebalance.settings import Growth, Targets

_TO = re.compile(r"(?P<word>[a-z]+)|(?P<count>\d+)|(?P<ratio>\d+(\.\d+)?)x", re.IGNORECASE)


def target_size(to: str, reference: int, word: str = "min") -> int:
    """The class size that ``to`` asks for: ``word``, a number, or ``Rx`` of the reference.

    reference: the size that ``word`` stands for. R times it is rounded down, exactly (1.1x of 10 is
    11). Raises TargetError for any other text, and for a size below 1.
    """
    match = _TO.fullmatch(to.strip())
    if match is None or (match["word"] and match["word"].lower() != word):
        raise TargetError(f"a target is {word}, a number, or Rx such as 2x or 1.5x; got {to!r}")
    if match["word"]:
        size = reference
    elif match["count"]:
        size = int(match["count"])
    else:
        size = floor(Fraction(match["ratio"]) * reference)
    if size < 1:
        raise TargetError(f"every class needs at least 1 image; {to!r} asks for {size}")
    return size


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise TargetError for the first name that is no class, with the nearest one that is."""
    known = list(known)
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1) or known
            hint = f"did you mean {near[0]!r}?" if near else "there are no classes"
            raise TargetError(f"no class {name!r} among the {len(known)} classes: {hint}")


def wanted_sizes(counts: Mapping[str, int], targets: Targets) -> dict[str, int]:
    """The size of every class after undersampling, in the order of ``counts``.

    A class at or below its target stays whole; an empty class does not count as the smallest.
    Raises TargetError for an unknown class, an impossible size, or a target relative to the
    smallest class where there is only one.
    """
    own = dict(targets.per_class)
    check_names([*own, *targets.classes], counts)
    for name, size in own.items():
        if not 1 <= size <= counts[name]:
            raise TargetError(
                f"class {name!r} has {counts[name]} images; {size} were asked for: "
                f"choose a number from 1 to {counts[name]}"
            )
    filled = _comparable(counts, targets)
    size = target_size(targets.to, min(filled, default=0))
    cut = set(targets.classes) or set(counts)
    return {
        name: own.get(name, min(count, size) if name in cut else count)
        for name, count in counts.items()
    }


def grown_sizes(
    counts: Mapping[str, int], growth: Growth, largest: int | None = None
) -> dict[str, int]:
    """The size of every class after oversampling, in the order of ``counts``.

    A class at or above its target stays as it is, and so does an empty one. largest: what ``max``
    stands for; None is the size of the largest class. Raises TargetError as ``wanted_sizes``, and
    for a class that would have to shrink.
    """
    own = dict(growth.per_class)
    check_names([*own, *growth.classes], counts)
    for name, size in own.items():
        if size < counts[name] or not counts[name]:
            raise TargetError(
                f"class {name!r} has {counts[name]} images; {size} were asked for: "
                + ("choose a larger number, or undersample it" if counts[name] else "add some")
            )
    filled = _comparable(counts, growth)
    size = target_size(growth.to, largest or max(filled, default=0), "max")
    raised = set(growth.classes) or set(counts)
    return {
        name: own.get(name, max(count, size) if name in raised and count else count)
        for name, count in counts.items()
    }


def _comparable(counts: Mapping[str, int], asked: Targets | Growth) -> list[int]:
    """The sizes of classes that have any; TargetError if there is one, and others are needed."""
    filled = {name: count for name, count in counts.items() if count}
    if len(filled) == 1 and not asked.per_class and not asked.to.strip().isdigit():
        raise TargetError(
            f"one class only, {next(iter(filled))!r}: {asked.to!r} compares classes; "
            "give a number with --to N"
        )
    return list(filled.values())
