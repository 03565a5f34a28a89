"""Exact nearest neighbours: shortlists in float32, proved complete, ranked in float64.

The error bound of the float32 distances says which samples can be among the neighbours. Where the
shortlist cannot hold them all (many near ties), all samples are looked through again for that row,
so the answer is that of a float64 search. Imports numpy and nothing heavier.
"""

import logging
from collections import defaultdict
from hashlib import blake2b

import numpy as np
from numpy.typing import ArrayLike

from rebalance.errors import SettingError
from rebalance.neighbours.distances import (
    BLOCK_VALUES,
    Distances,
    Features,
    Neighbours,
    Positions,
    checked,
    empty,
    finite_sums,
    in_threads,
    rank,
    rank_each,
)
from rebalance.neighbours.points import as_points
from rebalance.neighbours.tiles import Shortlist, shortlists_of_all, shortlists_of_queries, tiles_on
from rebalance.progress import Progress, silent

SPARE = 16  # entries of a shortlist beyond the neighbours: few rows then need a second look
NARROW = 256  # columns up to which they are enough; of more, distances are less sure
DEVICES = ("cpu", "cuda", "mps")

log = logging.getLogger("rebalance")


def nearest(
    features: Features,
    count: int,
    queries: ArrayLike | None = None,
    *,
    device: str = "cpu",
    progress: Progress = silent,
) -> Neighbours:
    """Find the ``count`` nearest neighbours, among all samples, of those at ``queries``.

    queries: positions; None stands for all samples.

    features: [N, D], of any floating-point precision; distances are Euclidean. A sample is left out
    of its own neighbours by its position; one with the same features is a neighbour at distance 0.
    queries: positions [Q], in any order, repeated or not. To look among the samples of one class,
    pass the rows of that class.
    device: cpu, cuda or mps, where the products are formed; torch is imported for the last two. The
    answer does not depend on it: it is that of a search in float64 of the differences of
    the features, with ties going to the smaller position.

    Memory: a copy of the features in float32 and blocks of a fixed size. Time grows with Q·N·D.
    SettingError for count < 1 and an unknown device; FeatureError for features that are not finite
    and for more neighbours than there are other samples; ValueError for queries that are not
    positions.
    """
    if device not in DEVICES:
        raise SettingError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    features, wanted = checked(features, count, queries)
    samples = np.arange(len(features)) if wanted is None else wanted
    twins = _twins(features, count)
    members = np.unique(twins)
    search = _Search(features, members, count, device)
    if wanted is None:
        indices, distances = search.among_all(progress)
        places = np.searchsorted(members, twins)
        found = Neighbours(indices[places], distances[places])
    else:
        found = search.of(twins[samples], progress)
    for row in np.flatnonzero(twins[samples] != samples):
        _put_in(found, int(row), int(twins[samples[row]]))
    return found


def _twins(features: Features, count: int) -> Positions:
    """Return the sample that is searched for in the place of each [N]: itself, or its first twin.

    A sample with more than ``count`` identical ones before it is nobody's neighbour, since those
    come first. Without it no crowd of duplicates fills a shortlist.
    """
    _, kinds, sizes = np.unique(finite_sums(features), return_inverse=True, return_counts=True)
    identical: defaultdict[bytes, list[int]] = defaultdict(list)
    for position in np.flatnonzero(sizes[kinds] > count + 1):
        identical[blake2b(features[position]).digest()].append(int(position))
    twins = np.arange(len(features))
    for group in identical.values():
        twins[group[count + 1 :]] = group[0]
    return twins


def _put_in(found: Neighbours, row: int, twin: int) -> None:
    """Make the neighbours of ``twin`` those of an identical sample, which is one of them itself."""
    indices = np.append(found.indices[row], twin)
    distances = np.append(found.distances[row], 0.0)
    order = np.lexsort((indices, distances))[:-1]
    found.indices[row], found.distances[row] = indices[order], distances[order]


class _Search:
    """A search among ``members``, the samples that can be neighbours; rows are places in it."""

    def __init__(self, features: Features, members: Positions, count: int, device: str) -> None:
        self.features = features
        self.members = members
        self.count = count
        self.points = as_points(features, members)
        self.tiles = tiles_on(device, self.points)
        unsure = count if features.shape[1] > NARROW else 0
        self.width = min(count + unsure + SPARE, len(members) - 1)

    def among_all(self, progress: Progress) -> Neighbours:
        """Find the neighbours of every member."""
        likely = shortlists_of_all(self.tiles, len(self.members), self.width, progress)
        return self._settle(np.arange(len(self.members)), likely)

    def of(self, samples: Positions, progress: Progress) -> Neighbours:
        """Find the neighbours of these members."""
        rows = np.searchsorted(self.members, samples)
        likely = shortlists_of_queries(self.tiles, len(self.members), rows, self.width, progress)
        return self._settle(rows, likely)

    def _settle(self, rows: Positions, likely: Shortlist) -> Neighbours:
        """Find the neighbours of the rows [Q] whose shortlists are ``likely``."""
        limits = self._limits(rows, likely)
        possible = (likely.values <= limits[:, None]).sum(axis=1)
        found = empty(len(rows), self.count)
        complete = (possible < self.width) | (self.width == len(self.members) - 1)
        settled = np.flatnonzero(complete)
        candidates = np.where(
            np.arange(self.width) < possible[settled, None],
            self.members[likely.positions[settled]],
            -1,
        )
        found.indices[settled], found.distances[settled] = rank_each(
            self.features, self.members[rows[settled]], candidates, self.count
        )
        doubtful = np.flatnonzero(~complete)
        if len(doubtful):
            log.debug("%d of %d samples have many near ties", len(doubtful), len(rows))
            step = max(1, 4 * BLOCK_VALUES // len(self.members))
            for start in range(0, len(doubtful), step):
                self._look_again(found, rows, limits, doubtful[start : start + step])
        return found

    def _limits(self, rows: Positions, likely: Shortlist) -> Distances:
        """Bound the approximate value [Q] of any sample that may be a neighbour or tie with one.

        The first ``count`` of a shortlist bound the distance r of the last neighbour. What lies
        within r of a point is by the triangle inequality at most r longer than it, so that outliers
        elsewhere do not widen the bound.
        """
        points, lengths = self.points, self.points.lengths
        own = lengths[rows]
        first = slice(0, self.count)
        reach = own + lengths[likely.positions[:, first]].max(axis=1)
        last = likely.values[:, self.count - 1].astype(np.float64)
        radius = np.maximum(last, 0) + points.error(reach)
        reach = own + np.minimum(lengths.max(), own + np.sqrt(radius))
        limits: Distances = radius + points.error(reach)
        return limits

    def _look_again(
        self, found: Neighbours, rows: Positions, limits: Distances, block: Positions
    ) -> None:
        """Search all members within the limits for each row of ``block``."""
        everyone = slice(0, len(self.members))
        values = self.tiles.fetched(self.tiles.distances(rows[block], everyone))
        values[np.arange(len(block)), rows[block]] = np.inf
        within = values <= limits[block, None]

        def settle_row(i: int) -> None:
            row = int(block[i])
            self._rank_into(found, row, int(rows[row]), np.flatnonzero(within[i]))

        in_threads(settle_row, np.arange(len(block)))

    def _rank_into(self, found: Neighbours, row: int, own: int, candidates: Positions) -> None:
        found.indices[row], found.distances[row] = rank(
            self.features, int(self.members[own]), self.members[candidates], self.count
        )
