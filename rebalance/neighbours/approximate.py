"""Approximate nearest neighbours for tables where the exact search would take too long.

pynndescent, which takes seconds to import, is imported when it is needed.
"""

import warnings
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from rebalance.neighbours.distances import (
    Features,
    Neighbours,
    Positions,
    checked,
    empty,
    finite_sums,
    rank_each,
)
from rebalance.neighbours.exact import nearest
from rebalance.neighbours.points import as_points

GRAPH = 30  # neighbours that the descent keeps of each sample, at least: fewer find fewer true ones


def nearest_approximately(
    features: Features, count: int, queries: ArrayLike | None = None, *, seed: int = 0
) -> Neighbours:
    """Find neighbours like ``nearest``, some of them a little farther than the true ones.

    Nearest-neighbour descent (Dong, Moses & Li 2011) as pynndescent has it, in time close to linear
    in N. It starts from random trees: the same ``seed`` (non-negative) and number of threads give
    the same answer. The distances are exact, and so is the order by them; samples for which the
    descent finds too few neighbours are searched for exactly. Errors as in ``nearest``.
    """
    features, wanted = checked(features, count, queries)
    finite_sums(features)
    rows = np.arange(len(features)) if wanted is None else wanted
    graph = np.sort(_descend(features, max(GRAPH, count + 1), seed)[rows], axis=1)
    usable = (graph >= 0) & (graph != rows[:, None])
    usable[:, 1:] &= graph[:, 1:] != graph[:, :-1]
    candidates = -np.sort(-np.where(usable, graph, -1), axis=1)  # with none at the end
    found = empty(len(rows), count)
    enough = usable.sum(axis=1) >= count
    answer = rank_each(features, rows[enough], candidates[enough], count)
    found.indices[enough], found.distances[enough] = answer
    if not enough.all():
        answer = nearest(features, count, rows[~enough])
        found.indices[~enough], found.distances[~enough] = answer
    return found


def _descend(features: Features, width: int, seed: int) -> Positions:
    """Return the graph [N, width or N] that the descent ends with; -1 where it found none."""
    from pynndescent import NNDescent  # type: ignore[import-untyped]

    points = as_points(features, np.arange(len(features)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about samples with too few neighbours, which we count
        descent = NNDescent(points.values, n_neighbors=min(width, len(features)), random_state=seed)
    return np.asarray(descent.neighbor_graph[0], dtype=np.int64)


EXACT_LIMIT = 100_000  # samples; the exact search takes time by their square


class Search(Protocol):
    """A search for neighbours, called like ``nearest``."""

    def __call__(
        self, features: Features, count: int, queries: ArrayLike | None = None
    ) -> Neighbours: ...


def search_among(samples: int, *, device: str, seed: int) -> Search:
    """Choose the exact search on ``device``, or the approximate one above ``EXACT_LIMIT`` samples.

    seed: of the approximate search.
    """
    if samples <= EXACT_LIMIT:
        return partial(nearest, device=device)
    return partial(nearest_approximately, seed=seed)
