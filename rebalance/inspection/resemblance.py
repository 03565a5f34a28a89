"""A search for images that a network finds similar, by the cosine of their features.

Every pair is compared, block by block: exact, in time that grows with N² and memory that does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from rebalance.inspection.similarity import Positions, join
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.progress import Progress, silent
from rebalance.settings import SIMILAR

BLOCK = 2000  # images compared at a time with as many: 16 MB of cosines
ROUNDING = 1e-6  # more than the cosine of equal features can fall short of 1

Vectors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Resemblance:
    """The features [N, D] of N images, and the cosine from which on two are called similar."""

    features: FeatureMatrix
    threshold: float = SIMILAR
    progress: Progress = silent


def resembling(
    features: FeatureMatrix, threshold: float, progress: Progress = silent
) -> list[list[int]]:
    """Return groups of two or more similar images, as positions, in the order of their first.

    features: [N, D]. Images are linked if the cosine of their features is ``threshold`` (above 0)
    or more; a row of zeros is linked to nothing. What is linked by way of others is one group only
    if one of them, its hub, is linked to all. Of a longer chain, the image with the most links and
    those are a group, then the same again with what is left: so no two images of a group are
    further apart than twice the angle of the threshold. Every image that is linked at all is in a
    group; one whose links all went to other groups is in a pair with its nearest.

    Time grows with N² D. Memory: blocks of fixed size, and the features of the longest chain.
    """
    threshold -= ROUNDING
    groups = [
        [int(members[position]) for position in group]
        for members in _chains(features, threshold, progress)
        for group in _around_hubs(_directions(features.take(members), slice(None)), threshold)
    ]
    return sorted(groups)


def cosines(features: FeatureMatrix, position: int, others: Positions) -> NDArray[np.float32]:
    """Return the cosines [n] of the features of one image to those of ``others`` [n]."""
    here = _directions(features, slice(position, position + 1))
    found: NDArray[np.float32] = _directions(features.take(others), slice(None)) @ here[0]
    return found


def _chains(features: FeatureMatrix, threshold: float, progress: Progress) -> Iterator[Positions]:
    """Return the members of each group of images that links join, directly or in a chain."""
    group = np.arange(features.shape[0])
    parts = [slice(start, start + BLOCK) for start in range(0, len(group), BLOCK)]
    pairs = list(combinations_with_replacement(parts, 2))
    held: tuple[slice | None, Vectors] = None, np.empty((0, 0), np.float32)
    for left, right in progress(pairs, total=len(pairs), what="comparing features", unit="blocks"):
        if held[0] != left:
            held = left, _directions(features, left)
        near = held[1] @ _directions(features, right).T >= threshold
        _join_block(group, near, left.start, right.start)
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order])) + 1
    return (members for members in np.split(order, edges) if len(members) > 1)


def _join_block(group: Positions, near: NDArray[np.bool_], top: int, side: int) -> None:
    """Join the pairs marked in ``near``, a part of the table that starts at (``top``, ``side``)."""
    columns = group[side : side + near.shape[1]]
    for row in np.flatnonzero(near.any(axis=1)):
        # A crowd is joined by its first row: later ones then have no pairs left.
        here = near[row] & (columns != group[top + row])
        right = np.flatnonzero(here) + side
        if len(right):
            join(group, np.full(len(right), top + row), right)


def _around_hubs(directions: Vectors, threshold: float) -> Iterator[list[int]]:
    """Divide a chain of linked images as ``resembling`` says."""
    everyone = np.arange(len(directions))
    links = np.zeros(len(directions), np.intp)
    for start in range(0, len(directions), BLOCK):
        links += _links(directions, everyone[start : start + BLOCK], threshold)
    left = np.ones(len(directions), bool)
    while left.any():
        hub = int(np.where(left, links, -1).argmax())
        near = directions @ directions[hub]
        near[hub] = np.inf
        members = np.flatnonzero(left & (near >= threshold))
        left[members] = False
        for start in range(0, len(members), BLOCK):
            links -= _links(directions, members[start : start + BLOCK], threshold)
        if len(members) == 1:
            near[hub] = -np.inf
            members = np.sort(np.append(members, near.argmax()))
        yield members.tolist()


def _links(directions: Vectors, members: Positions, threshold: float) -> Positions:
    """Count for each image [N] how many of ``members`` it is linked to."""
    total = np.zeros(len(directions), np.intp)
    for start in range(0, len(directions), BLOCK):
        part = slice(start, start + BLOCK)
        total[part] = (directions[members] @ directions[part].T >= threshold).sum(axis=0)
    return total


def _directions(features: FeatureMatrix, rows: slice) -> Vectors:
    """Scale features to length 1, so that a product of two is their cosine; zeros stay zeros."""
    vectors = features.read(rows, slice(None)).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths > 0, lengths, 1)
    return vectors
