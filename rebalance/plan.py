"""How many images each class is to keep.

Class sizes in, class sizes out; imports neither numpy nor torch.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from math import floor

from rebalance.errors import TargetError
from rebalance.settings import Targets

_TO = re.compile(r"(?P<minimum>min)|(?P<count>\d+)|(?P<ratio>\d+(\.\d+)?)x", re.IGNORECASE)


def target_size(to: str, smallest: int) -> int:
    """The class size that ``to`` asks for: ``min``, a number, or ``Rx`` of the smallest class.

    R times the smallest is rounded down, exactly (1.1x of 10 is 11). Raises TargetError for any
    other text, and for a size below 1.
    """
    match = _TO.fullmatch(to.strip())
    if match is None:
        raise TargetError(f"a target is min, a number, or Rx such as 2x or 1.5x; got {to!r}")
    if match["minimum"]:
        size = smallest
    elif match["count"]:
        size = int(match["count"])
    else:
        size = floor(Fraction(match["ratio"]) * smallest)
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
    filled = {name: count for name, count in counts.items() if count}
    if len(filled) == 1 and not own and not targets.to.strip().isdigit():
        raise TargetError(
            f"one class only, {next(iter(filled))!r}: {targets.to!r} compares classes; "
            "give a number with --to N"
        )
    size = target_size(targets.to, min(filled.values(), default=0))
    cut = set(targets.classes) or set(counts)
    return {
        name: own.get(name, min(count, size) if name in cut else count)
        for name, count in counts.items()
    }
