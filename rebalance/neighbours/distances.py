"""Neighbours and their distances in float64, and what a search for them needs.

Imports numpy and nothing heavier.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import FeatureError, SettingError
from rebalance.parallel import chosen_workers, ordered_map

Features = NDArray[np.floating[Any]]
Positions = NDArray[np.int64]
Distances = NDArray[np.float64]

BLOCK_VALUES = 1 << 21  # features held in float64 at once: 16 MB
ROWS_AT_ONCE = 64  # rows that one thread settles at a time


class Neighbours(NamedTuple):
    """The neighbours of Q samples, nearest first; at equal distance the smaller position first.

    indices: positions in the table [Q, count].
    distances: Euclidean [Q, count], as float64 differences of the features as they are stored.
    """

    indices: Positions
    distances: Distances


def empty(queries: int, count: int) -> Neighbours:
    """Make room for the neighbours of ``queries`` samples."""
    return Neighbours(np.empty((queries, count), np.int64), np.empty((queries, count)))


def checked(
    features: Features, count: int, queries: ArrayLike | None
) -> tuple[Features, Positions | None]:
    """Return the features in C order and the queries as positions, or raise as ``nearest`` says."""
    features = np.asarray(features)
    if features.ndim != 2 or not np.issubdtype(features.dtype, np.floating):
        raise FeatureError(
            "features must be floating-point numbers, one row per sample, but are "
            f"{features.dtype} of shape {features.shape}: convert them first"
        )
    if count < 1:
        raise SettingError(f"neighbours must be a whole number from 1 up; got {count!r}")
    if count > len(features) - 1:
        raise FeatureError(
            f"{count} neighbours of each sample are needed, but {len(features)} samples have "
            f"{max(len(features) - 1, 0)}: ask for fewer"
        )
    if queries is None:
        return np.ascontiguousarray(features), None
    positions = np.asarray(queries, dtype=np.int64)
    if positions.ndim != 1 or not np.isin(positions, np.arange(len(features))).all():
        raise ValueError(f"queries must be positions in a table of {len(features)} samples")
    return np.ascontiguousarray(features), positions


def finite_sums(features: Features) -> Distances:
    """Sum each row [N]; FeatureError for values that are not finite, which the sums reveal."""
    with np.errstate(over="ignore", invalid="ignore"):
        sums: Distances = features.sum(axis=1, dtype=np.float64)
    if not np.isfinite(sums).all():
        raise FeatureError.not_finite()
    return sums


def rank(
    features: Features, query: int, candidates: Positions, count: int
) -> tuple[Positions, Distances]:
    """Return the ``count`` candidates nearest to the sample ``query``, and their distances."""
    distances = np.empty(len(candidates))
    here = features[query].astype(np.float64)
    step = max(1, BLOCK_VALUES // max(1, features.shape[1]))
    for start in range(0, len(candidates), step):
        part = slice(start, start + step)
        differences = features[candidates[part]].astype(np.float64)
        differences -= here
        np.square(differences, out=differences)
        distances[part] = np.sqrt(differences.sum(axis=1))
    order = np.lexsort((candidates, distances))[:count]
    return candidates[order], distances[order]


def rank_each(
    features: Features, queries: Positions, candidates: Positions, count: int
) -> Neighbours:
    """Call ``rank`` for each row of candidates [Q, width], which ends in -1 after its last one.

    Each row has ``count`` candidates or more.

    Rows with about as many candidates are ranked together, in blocks and threads.
    """
    found = empty(len(queries), count)
    available = (candidates >= 0).sum(axis=1)
    order = np.argsort(available, kind="stable")
    entries = candidates.shape[1] * max(1, features.shape[1])
    step = max(1, BLOCK_VALUES // max(1, entries))

    def rank_some(start: int) -> None:
        rows = order[start : start + step]
        some = candidates[rows, : available[rows].max()]
        differences = features[some].astype(np.float64)
        differences -= features[queries[rows]].astype(np.float64)[:, None]
        np.square(differences, out=differences)
        distances = np.sqrt(differences.sum(axis=2))
        distances[some < 0] = np.inf
        nearest = np.lexsort((some, distances), axis=1)[:, :count]
        found.indices[rows] = np.take_along_axis(some, nearest, axis=1)
        found.distances[rows] = np.take_along_axis(distances, nearest, axis=1)

    for _ in ordered_map(rank_some, range(0, len(order), step), chosen_workers(None)):
        pass
    return found


def in_threads(settle: Callable[[int], None], rows: Positions) -> None:
    """Call ``settle`` with each of the rows; no two calls may write to the same place."""

    def settle_some(start: int) -> None:
        for row in rows[start : start + ROWS_AT_ONCE]:
            settle(int(row))

    for _ in ordered_map(settle_some, range(0, len(rows), ROWS_AT_ONCE), chosen_workers(None)):
        pass
