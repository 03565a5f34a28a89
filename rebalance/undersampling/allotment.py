"""How many samples each cluster may keep. Imports nothing but the standard library."""

from collections.abc import Sequence


def allot(sizes: Sequence[int], total: int) -> list[int]:
    """Share ``total`` equally among clusters of these ``sizes``; the quotas add up to it exactly.

    A cluster smaller than its share gives all it has, and the rest is shared again among the others
    (water-filling). What does not divide goes one each to the largest clusters that have more to
    give (tie: the lower cluster number). ValueError for a negative size, and for a total that is
    negative or more than there is.
    """
    if min(sizes, default=0) < 0:
        raise ValueError(f"cluster sizes must not be negative, but are {list(sizes)}")
    if not 0 <= total <= sum(sizes):
        raise ValueError(f"a total from 0 to {sum(sizes)} can be shared, but {total} was asked for")
    quotas = [0] * len(sizes)
    remaining = total
    unsaturated = list(range(len(sizes)))
    while saturated := [i for i in unsaturated if sizes[i] * len(unsaturated) <= remaining]:
        for cluster in saturated:
            quotas[cluster] = sizes[cluster]
            remaining -= sizes[cluster]
        unsaturated = [i for i in unsaturated if i not in saturated]
    by_size = sorted(unsaturated, key=lambda cluster: (-sizes[cluster], cluster))
    for rank, cluster in enumerate(by_size):
        # Rounded up for the first ones, so that the shares add up.
        quotas[cluster] = (remaining + len(by_size) - 1 - rank) // len(by_size)
    return quotas
