"""A search for images that look the same, without comparing each image with each other."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Positions = NDArray[np.intp]

# Chosen by eye on photographs: at 6 bits, or below .96, lookalikes (two telephones, two lids) come
# in; at both, what comes in is one picture twice, scaled, compressed, brightened or made grey.
BITS = 4
CORRELATION = 0.96

# Hashes BITS apart still agree in AGREEING of BANDS runs of bits.
BANDS = BITS + 2
AGREEING = 2

_BITS_SET = np.array([value.bit_count() for value in range(2**16)], np.uint8)


def similar(hashes: Hashes, miniatures: NDArray[np.uint8]) -> list[int]:
    """Group N images that look the same; return for each the position of its group's first image.

    hashes: [N], each the ``frequency_hash`` of an image. miniatures: [N, 64], its grey pixels, not
    all equal. Two images look the same if the first differ in at most ``BITS`` bits and the second
    have a correlation of ``CORRELATION`` or more; groups chain. Pairs are sought only among hashes
    that agree in two of six runs of bits, as any within 4 bits must (after Norouzi et al. 2014,
    multi-index hashing), so time is close to linear in N unless very many look the same. Memory is
    linear in N.
    """
    directions = _directions(miniatures)
    group = np.arange(len(hashes))
    tried: list[np.uint64] = []
    for mask in _masks():
        for left, right in _candidates(hashes & mask, group):
            left, right = _only(group[left] != group[right], left, right)
            different = hashes[left] ^ hashes[right]
            left, right = _only(_are_new(different, tried), left, right)
            products = directions[left] * directions[right]
            join(group, *_only(products.sum(axis=1) >= CORRELATION, left, right))
        tried.append(mask)
    numbers: list[int] = group.tolist()
    return numbers


def _directions(miniatures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Centre each row and scale it to length 1, so that a product of two is their correlation."""
    centred = miniatures - miniatures.mean(axis=1, keepdims=True, dtype=np.float32)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    directions: NDArray[np.float32] = centred / np.maximum(lengths, 1e-6)
    return directions


def _candidates(keys: Hashes, group: Positions) -> Iterator[tuple[Positions, Positions]]:
    """Yield pairs of images with equal keys, at most N at a time.

    Keys whose images are all in one group already are skipped.
    """
    order = np.argsort(keys, kind="stable")
    order = order[_undecided(keys[order], group[order])]
    keys = keys[order]
    start = np.arange(len(keys))
    lag = 1
    # Equal keys lie side by side: what has no equal at this lag has none at the next.
    while len(start := start[start + lag < len(keys)]):
        start = start[keys[start] == keys[start + lag]]
        yield order[start], order[start + lag]
        lag += 1


def _undecided(keys: Hashes, group: Positions) -> NDArray[np.bool_]:
    """Keep the entries of sorted keys whose images are in more than one group."""
    if not len(keys):
        return np.zeros(0, bool)
    begins = np.append(True, keys[1:] != keys[:-1])
    starts = np.flatnonzero(begins)
    several = np.minimum.reduceat(group, starts) != np.maximum.reduceat(group, starts)
    undecided: NDArray[np.bool_] = several[np.cumsum(begins) - 1]
    return undecided


def _are_new(different: Hashes, tried: Sequence[np.uint64]) -> NDArray[np.bool_]:
    """Mark the pairs that are close enough and that no earlier mask has brought up."""
    new = _bits_set(different) <= BITS
    for mask in tried:
        new &= (different & mask) != 0
    return new


def _masks() -> list[np.uint64]:
    edges = [64 * band // BANDS for band in range(BANDS + 1)]
    bands = [(1 << high) - (1 << low) for low, high in pairwise(edges)]
    return [np.uint64(sum(chosen)) for chosen in combinations(bands, AGREEING)]


def _only(
    kept: NDArray[np.bool_], left: Positions, right: Positions
) -> tuple[Positions, Positions]:
    return left[kept], right[kept]


def _bits_set(values: Hashes) -> NDArray[np.intp]:
    """Count the bits that are set in each of ``values`` [n]."""
    counts: NDArray[np.intp] = _BITS_SET[values.view(np.uint16).reshape(-1, 4)].sum(
        axis=1, dtype=np.intp
    )
    return counts


def join(group: Positions, left: Positions, right: Positions) -> None:
    """Put each pair into one group, in place; every entry names its group's first afterwards."""

    def find(member: int) -> int:
        while group[member] != member:
            member = int(group[member])
        return member

    for pair in zip(left.tolist(), right.tolist(), strict=True):
        ends = find(pair[0]), find(pair[1])
        group[max(ends)] = min(ends)
    while len(left) and not np.array_equal(group, group[group]):
        group[:] = group[group]
