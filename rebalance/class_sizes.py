"""The number of samples that each class is to have: cut, grown, or along a long tail.

Every function takes class sizes and gives class sizes. Imports neither numpy nor torch.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import floor, pow

from rebalance.errors import TargetError, meant, shown, some
from rebalance.settings import Growth, LongTail, Targets
from rebalance.settings.sizes import read_size

MOST_SAMPLES = 20_000_000  # that all classes together may be raised to: a manifest lists each one


def target_size(to: str, reference: int, word: str = "min") -> int:
    """Return the class size that ``to`` asks for: ``word``, a number, or ``Rx`` of the reference.

    reference: the size that ``word`` stands for. R times it is rounded down, exactly (1.1x of 10 is
    11). Raises TargetError for any other text, and for a size below 1.

    >>> from rebalance.class_sizes import target_size
    >>> target_size("min", 40), target_size("1.5x", 40), target_size("300", 40)
    (40, 60, 300)
    """
    return read_size(to, word).of(reference)


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise TargetError for the first name that is no class, with the nearest one that is.

    >>> from rebalance.class_sizes import check_names
    >>> check_names(["cat"], ["cat", "dog"])
    >>> check_names(["cot"], ["cat"])
    Traceback (most recent call last):
    rebalance.errors.TargetError: no class 'cot' among the 1 classes 'cat'; did you mean 'cat'?
    """
    known = list(known)
    for name in names:
        if name not in known:
            raise TargetError(
                f"no class {shown(name)} among the {len(known)} classes {some(known)}"
                f"{meant(name, known)}"
            )


def wanted_sizes(counts: Mapping[str, int], targets: Targets) -> dict[str, int]:
    """Return the size of every class after undersampling, in the order of ``counts``.

    A class at or below its target stays whole; an empty class does not count as the smallest.
    Raises TargetError for an unknown class, an impossible size, or a target relative to the
    smallest class where there is only one.

    >>> from rebalance.class_sizes import wanted_sizes
    >>> from rebalance.settings import Targets
    >>> wanted_sizes({"cat": 500, "dog": 90, "owl": 40}, Targets(to="2x"))
    {'cat': 80, 'dog': 80, 'owl': 40}
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
    """Return the size of every class after oversampling, in the order of ``counts``.

    A class at or above its target stays as it is, and so does an empty one. largest: what ``max``
    stands for; None is the size of the largest class. Raises TargetError as ``wanted_sizes``, and
    for a class that would have to shrink.

    >>> from rebalance.class_sizes import grown_sizes
    >>> from rebalance.settings import Growth
    >>> grown_sizes({"cat": 500, "dog": 90, "owl": 40}, Growth(to="0.5x"))
    {'cat': 500, 'dog': 250, 'owl': 250}
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
    grown = {
        name: own.get(name, max(count, size) if name in raised and count else count)
        for name, count in counts.items()
    }
    return _listable(grown, counts)


def with_blends(counts: Mapping[str, int], growth: Growth) -> dict[str, int]:
    """``grown_sizes``, and as many blends in each class that was to be raised.

    >>> from rebalance.class_sizes import with_blends
    >>> from rebalance.settings import Growth
    >>> with_blends({"cat": 50, "dog": 9, "owl": 0}, Growth())
    {'cat': 100, 'dog': 100, 'owl': 0}
    """
    sizes = grown_sizes(counts, growth)
    asked = {*growth.classes, *dict(growth.per_class)} if growth.classes else set(counts)
    wanted = {name: size * (2 if name in asked else 1) for name, size in sizes.items()}
    return _listable(wanted, counts)


def _listable(sizes: dict[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    """The sizes themselves; TargetError where they are too many samples to list."""
    if sum(sizes.values()) > max(MOST_SAMPLES, sum(counts.values())):
        raise TargetError(
            f"{sum(sizes.values())} samples were asked for, of {sum(counts.values())} images; at "
            f"most {MOST_SAMPLES} can be: choose smaller classes"
        )
    return sizes


def _comparable(counts: Mapping[str, int], asked: Targets | Growth) -> list[int]:
    """Return the sizes of classes with images; TargetError if one class alone has any."""
    filled = {name: count for name, count in counts.items() if count}
    if len(filled) == 1 and not asked.per_class and not asked.to.strip().isdigit():
        raise TargetError(
            f"one class only, {next(iter(filled))!r}: {asked.to!r} compares classes; "
            "give a number with --to N"
        )
    return list(filled.values())


ALMOST = 1e-9  # relative: what floating point takes from a whole number

Profile = Callable[[int, int, float], float]


def exp(place: int, classes: int, rho: float) -> float:
    """Return rho^(-i / (K - 1)): every class is smaller than the one before by the same factor.

    >>> from rebalance.class_sizes import PROFILES
    >>> [round(PROFILES["exp"](place, 5, 16.0), 4) for place in range(5)]
    [1.0, 0.5, 0.25, 0.125, 0.0625]
    """
    return pow(rho, -place / (classes - 1))


def step(place: int, classes: int, rho: float, small: int | None = None) -> float:
    """Return 1 for the first classes and 1 / rho for the last ones, of which there are ``small``.

    small: None is half of them, and of an odd number one more.

    >>> from rebalance.class_sizes import PROFILES
    >>> [PROFILES["step"](place, 5, 16.0) for place in range(5)]
    [1.0, 1.0, 0.0625, 0.0625, 0.0625]
    """
    large = classes // 2 if small is None else classes - small
    return 1.0 if place < large else 1 / rho


def linear(place: int, classes: int, rho: float) -> float:
    """Return 1 - (1 - 1 / rho) i / (K - 1): every class is smaller than the one before by as much.

    Source: Buda et al. 2018, "A systematic study of the class imbalance problem", section 2.1.

    >>> from rebalance.class_sizes import PROFILES
    >>> [PROFILES["linear"](place, 4, 4.0) for place in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    return 1 - (1 - 1 / rho) * place / (classes - 1)


PROFILES: dict[str, Profile] = {"exp": exp, "step": step, "linear": linear}


def longtail_sizes(counts: Mapping[str, int], tail: LongTail) -> dict[str, int]:
    """Return the size of every class in a long tail, in the order of ``counts``.

    Source: docs/methods.md, "Long tails".

    The class at place i of the order keeps n_max times its share of ``PROFILES``, rounded down, as
    in the code of Cao et al. 2019 (LDAM-DRW). Raises TargetError for fewer than two classes, an
    order that is not of these classes, a class that has too few images or would have none.

    >>> from rebalance.class_sizes import longtail_sizes
    >>> from rebalance.settings import LongTail
    >>> longtail_sizes({"cat": 500, "dog": 500, "owl": 500}, LongTail(rho=100))
    {'cat': 500, 'dog': 50, 'owl': 5}
    """
    if len(counts) < 2:
        raise TargetError(f"a long tail needs at least 2 classes; there is {len(counts)}: add some")
    order = _order(counts, tail.order)
    profile = _profile(tail, len(counts))
    share = {name: profile(place, len(order), tail.rho) for place, name in enumerate(order)}
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


def _profile(tail: LongTail, classes: int) -> Profile:
    """The profile that was asked for; TargetError where its share of small classes leaves none."""
    if tail.share is None:
        return PROFILES[tail.profile]
    small = floor(tail.share * classes * (1 + ALMOST) + 0.5)
    if not 0 < small < classes:
        raise TargetError(
            f"--share {tail.share:g} of {classes} classes would make {small} of them small: choose "
            f"a share from {1 / classes:.3g} to {1 - 1 / classes:.3g}, for at least one and not all"
        )
    return partial(step, small=small)


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
    """Find the largest ``n_max`` for which every class has images enough."""
    most = min(int((counts[name] + 1) / share[name]) + 1 for name in counts)
    while any(_whole(most * share[name]) > counts[name] for name in counts):
        most -= 1
    return most


def _whole(size: float) -> int:
    """Round down; what is whole but for floating point stays so (49 times 1 / 49 is 1)."""
    return floor(size * (1 + ALMOST))
