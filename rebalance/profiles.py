"""How many images each class of a long-tailed data set has.

Class sizes in, class sizes out; imports neither numpy nor torch.
"""

from collections.abc import Callable, Mapping
from math import floor, pow

from rebalance.errors import TargetError
from rebalance.plan import check_names
from rebalance.settings import LongTail

ALMOST = 1e-9  # relative: what floating point takes from a whole number

Profile = Callable[[int, int, float], float]


def exp(place: int, classes: int, rho: float) -> float:
    """rho^(-i / (K - 1)): every class smaller than the one before it by the same factor."""
    return pow(rho, -place / (classes - 1))


def step(place: int, classes: int, rho: float) -> float:
    """1 for the first half of the classes, 1 / rho for the rest; of an odd number, one more."""
    return 1.0 if place < classes // 2 else 1 / rho


PROFILES: dict[str, Profile] = {"exp": exp, "step": step}


def longtail_sizes(counts: Mapping[str, int], tail: LongTail) -> dict[str, int]:
    """The size of every class, in the order of ``counts`` (METHODS section 7).

    The class at place i of the order keeps n_max times its share of ``PROFILES``, rounded down, as
    in the code of Cao et al. 2019 (LDAM-DRW). Raises TargetError for fewer than two classes, an
    order that is not of these classes, a class that has too few images or would have none.
    """
    if len(counts) < 2:
        raise TargetError(f"a long tail needs at least 2 classes; there is {len(counts)}: add some")
    order = _order(counts, tail.order)
    share = {
        name: PROFILES[tail.profile](place, len(order), tail.rho)
        for place, name in enumerate(order)
    }
    possible = _possible(counts, share)
    n_max = possible if tail.n_max is None else tail.n_max
    sizes = {name: _whole(n_max * share[name]) for name in counts}
    for place, name in enumerate(order, start=1):
        if sizes[name] > counts[name]:
            raise TargetError(
                f"class {name!r}, number {place} in order, has {counts[name]} images and would "
                f"need {sizes[name]}: at most --n-max {possible} is possible with --rho "
                f"{tail.rho:g}, or another --order"
            )
        if sizes[name] < 1:
            raise TargetError(
                f"class {name!r} would have no image: of {n_max} images in the largest class at "
                f"most --rho {n_max} is possible"
            )
    return sizes


def _order(counts: Mapping[str, int], order: tuple[str, ...]) -> list[str]:
    if not order:
        return sorted(counts, key=lambda name: -counts[name])
    check_names(order, counts)
    missing = [name for name in counts if name not in order]
    if missing or len(order) > len(counts):
        odd = f"lacks {missing[0]!r}" if missing else "names one twice"
        raise TargetError(f"--order names each of the {len(counts)} classes once; it {odd}")
    return list(order)


def _possible(counts: Mapping[str, int], share: Mapping[str, float]) -> int:
    """The largest ``n_max`` for which every class has images enough."""
    most = min(int((counts[name] + 1) / share[name]) + 1 for name in counts)
    while any(_whole(most * share[name]) > counts[name] for name in counts):
        most -= 1
    return most


def _whole(size: float) -> int:
    """Rounded down; what is whole but for floating point stays so (49 times 1 / 49 is 1)."""
    return floor(size * (1 + ALMOST))
