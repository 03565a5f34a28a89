"""Quotas: a number of samples shared out among clusters, or in proportion to shares.

Imports numpy and nothing heavier.
"""

from collections.abc import Callable, Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

ROOT_BITS = 64  # of a square root, behind the point
SLACK_BITS = 32  # what is missing to a whole sample by less than this is rounding of the roots


def equal(samples: int) -> int:
    """Every cluster gives as many, as far as it has samples enough.

    >>> from rebalance.quotas import QUOTAS
    >>> QUOTAS["equal"](100)
    1
    """
    return 1


def sqrt(samples: int) -> int:
    """A cluster gives in proportion to the square root of its size.

    The root is a whole number of 2^-64, so that shares are the same on every machine.

    >>> from rebalance.quotas import QUOTAS
    >>> QUOTAS["sqrt"](100) // QUOTAS["sqrt"](4)
    5
    """
    return isqrt(samples << 2 * ROOT_BITS)


def size(samples: int) -> int:
    """A cluster gives in proportion to its size.

    >>> from rebalance.quotas import QUOTAS
    >>> QUOTAS["size"](100)
    100
    """
    return samples


# How much a cluster of a size weighs where a number is shared: a whole number, 0 only for none.
QUOTAS: dict[str, Callable[[int], int]] = {rule.__name__: rule for rule in (equal, sqrt, size)}


def allot(sizes: Sequence[int], total: int, weigh: Callable[[int], int] = equal) -> list[int]:
    """Share ``total`` among clusters of these ``sizes``; the quotas add up to it exactly.

    weigh: how much a cluster of a size weighs, one of ``QUOTAS``: shares are in proportion to it. A
    cluster smaller than its share gives all it has, and the rest is shared again among the others
    (water-filling). What does not divide goes one each to the largest clusters that have more to
    give (tie: the lower cluster number). ValueError for a negative size, and for a total that is
    negative or more than there is.

    >>> from rebalance.quotas import QUOTAS
    >>> from rebalance.undersampling import allot
    >>> allot([50, 5, 40], 25)
    [10, 5, 10]
    >>> allot([64, 16, 4], 14, QUOTAS["sqrt"])
    [8, 4, 2]
    """
    if min(sizes, default=0) < 0:
        raise ValueError(f"cluster sizes must not be negative, but are {list(sizes)}")
    if not 0 <= total <= sum(sizes):
        raise ValueError(f"a total from 0 to {sum(sizes)} can be shared, but {total} was asked for")
    weights = [weigh(size) for size in sizes]
    quotas = [0] * len(sizes)
    unsaturated = list(range(len(sizes)))
    while unsaturated:
        remaining = total - sum(quotas)
        shares = _whole(weights, unsaturated, remaining)
        saturated = [i for i in unsaturated if shares[i] >= sizes[i]]
        if not saturated:
            by_size = sorted(unsaturated, key=lambda cluster: (-sizes[cluster], cluster))
            more = remaining - sum(shares.values())
            for rank, cluster in enumerate(by_size):
                quotas[cluster] = shares[cluster] + (rank < more)
            break
        for cluster in saturated:
            quotas[cluster] = sizes[cluster]
        unsaturated = [i for i in unsaturated if i not in saturated]
    return quotas


def _whole(weights: Sequence[int], clusters: Sequence[int], total: int) -> dict[int, int]:
    """Return the whole samples in each one's share of ``total``, in proportion to the weights."""
    every = sum(weights[cluster] for cluster in clusters) or 1
    slack = every >> SLACK_BITS
    return {cluster: (weights[cluster] * total + slack) // every for cluster in clusters}


def apportion(shares: NDArray[np.integer], total: int) -> NDArray[np.int64]:
    """Return whole numbers in proportion to ``shares`` [n] that add up to ``total``.

    They are found by the largest remainder.

    Exact, in integers; equal remainders: the earlier one first. ValueError for a negative share or
    total, and where all shares are 0.

    >>> import numpy as np
    >>> from rebalance.quotas import apportion
    >>> apportion(np.array([1, 1, 4]), 10).tolist()
    [2, 2, 6]
    """
    shares = np.asarray(shares, dtype=np.int64)
    if total < 0 or (shares < 0).any() or not shares.any():
        raise ValueError(
            f"a total from 0 up is shared by numbers from 0 up, one of them above 0; got {total} "
            f"for {len(shares)} shares that add up to {shares.sum()}"
        )
    quotas, remainders = np.divmod(shares * total, shares.sum())
    quotas[np.argsort(-remainders, kind="stable")[: total - quotas.sum()]] += 1
    return quotas


def fill_up(sizes: Sequence[int], count: int) -> list[int]:
    """Return how many of ``count`` samples to add to each cluster so that ``sizes`` become even.

    The final sizes are as equal as they can be without taking any away: the smallest clusters are
    raised first. What does not divide makes the largest of the raised clusters one larger (tie: the
    lower cluster number). ValueError for a negative size or count, and where there is no cluster.

    >>> from rebalance.quotas import fill_up
    >>> fill_up([10, 4, 2], 9)
    [0, 4, 5]
    """
    if min(sizes, default=-1) < 0 or count < 0:
        raise ValueError(f"clusters of {list(sizes)} cannot be raised by {count} samples")
    total = sum(sizes) + count
    # What each cluster stays below the total is shared equally, up to what it lacks now: the shares
    # of ``allot``, whose ties go to the first, so the clusters are given to it in reverse.
    lacking = allot([total - size for size in reversed(sizes)], (len(sizes) - 1) * total)
    return [total - size - lack for size, lack in zip(sizes, reversed(lacking), strict=True)]


def evenly_repeated(
    members: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return ``size`` of the members [n]: each as often as every other, the rest drawn once each.

    >>> import numpy as np
    >>> from rebalance.quotas import evenly_repeated
    >>> drawn = evenly_repeated(np.array([3, 5, 8]), 7, np.random.default_rng(0))
    >>> np.unique(drawn, return_counts=True)[1].tolist()
    [2, 2, 3]
    """
    whole, rest = divmod(size, len(members))
    return np.concatenate([np.tile(members, whole), rng.permutation(members)[:rest]])
