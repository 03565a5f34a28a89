"""Silhouettes of many clusterings of the same points in one pass over the pairs (Rousseeuw 1987).

Points that are together in every clustering are a cell: how far a point is from each cell, summed,
gives every sum that every silhouette needs. May not import torch or click; scipy, and numba for the
many points of a plane, are imported when they are needed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK_VALUES = 1 << 21  # distances held at once: 16 MB
COMPILED = 2048  # points of a plane from which numba is worth loading

Numbers = NDArray[np.intp]


def silhouettes(points: NDArray[np.floating[Any]], labelings: Sequence[ArrayLike]) -> list[float]:
    """The mean silhouette of each labeling [N] of ``points`` [N, D], by Euclidean distance.

    A point's silhouette is (b - a) / max(a, b): a its mean distance to the others of its cluster,
    b the smallest mean distance to the points of another cluster. Alone in its cluster, or with
    a = b = 0, it is 0. Equal to scikit-learn's ``silhouette_score``; exact, in memory that does
    not grow with N squared. ValueError for points that are not finite, and for a labeling that does
    not name from 2 to N - 1 clusters for N points.
    """
    exact: NDArray[np.float64] = np.asarray(points, dtype=np.float64)
    if not np.isfinite(exact).all():
        raise ValueError("silhouettes need finite points, but there are NaN or infinite ones")
    clusterings = [_cluster_numbers(labels, len(exact)) for labels in labelings]
    if not clusterings:
        return []
    sizes = [np.bincount(numbers) for numbers in clusterings]
    cells, order, starts = _cells(clusterings)
    # Which cluster of each clustering a cell lies in: [cells, clusters] of zeros and ones.
    inside = [
        np.eye(len(counts))[numbers[order[starts[:-1]]]]
        for numbers, counts in zip(clusterings, sizes, strict=True)
    ]
    totals = np.zeros(len(clusterings))
    for rows, sums in _summed_distances(exact, cells, order, starts):
        totals += [
            _sample_silhouettes(sums @ inside[i], numbers[rows], sizes[i]).sum()
            for i, numbers in enumerate(clusterings)
        ]
    return [float(total) for total in totals / len(exact)]


def _cells(clusterings: Sequence[Numbers]) -> tuple[Numbers, Numbers, Numbers]:
    """The cell [N] of each point, the points cell by cell [N], and where each cell starts."""
    cells = np.zeros(len(clusterings[0]), np.intp)
    for numbers in clusterings:  # renumbered each time, so that the numbers stay small
        cells = np.unique(cells * (numbers.max() + 1) + numbers, return_inverse=True)[1]
    order = np.argsort(cells, kind="stable")
    return cells, order, np.concatenate(([0], np.cumsum(np.bincount(cells))))


def _summed_distances(
    points: NDArray[np.float64], cells: Numbers, order: Numbers, starts: Numbers
) -> Iterator[tuple[Numbers | slice, NDArray[np.float64]]]:
    """Points, some at a time, and their summed distances [n, cells] to the points of each cell."""
    if points.shape[1] == 2 and len(points) >= COMPILED:
        yield from _compiled(points, order, starts)
        return
    from scipy.spatial.distance import cdist

    membership = np.eye(len(starts) - 1)[cells]
    step = max(1, BLOCK_VALUES // len(points))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        yield rows, cdist(points[rows], points) @ membership


def _compiled(
    points: NDArray[np.float64], order: Numbers, starts: Numbers
) -> Iterator[tuple[Numbers, NDArray[np.float64]]]:
    from rebalance.clusters.kernels import summed_distances

    # Twice as fast in single precision, and as exact where the points are no finer than that.
    single = points.astype(np.float32)
    x, y = np.ascontiguousarray((single if (single == points).all() else points)[order].T)
    step = max(1, BLOCK_VALUES // len(starts))
    for start in range(0, len(points), step):
        at = np.arange(start, min(start + step, len(points)))
        sums = np.empty((len(at), len(starts) - 1))
        summed_distances(x, y, starts, at, sums)
        yield order[at], sums


def _cluster_numbers(labels: ArrayLike, samples: int) -> Numbers:
    """The labels renumbered from 0, checked."""
    labels = np.asarray(labels)
    if labels.shape != (samples,):
        raise ValueError(f"a labeling needs {samples} labels, but has the shape {labels.shape}")
    names, numbers = np.unique(labels, return_inverse=True)
    if not 2 <= len(names) <= samples - 1:
        raise ValueError(
            f"a silhouette needs from 2 to {samples - 1} clusters, but the labeling "
            f"has {len(names)}"
        )
    return numbers


def _sample_silhouettes(
    sums: NDArray[np.float64], own: Numbers, sizes: Numbers
) -> NDArray[np.float64]:
    """Silhouettes [n] from the summed distances [n, k] to each cluster, ``own`` among them [n]."""
    here = np.arange(len(own))
    others = sizes[own] - 1  # the point itself is at distance 0 and does not count
    within = sums[here, own] / np.maximum(others, 1)
    between = sums / sizes
    between[here, own] = np.inf
    nearest = between.min(axis=1)
    larger = np.maximum(within, nearest)
    defined = (others > 0) & (larger > 0)
    return np.where(defined, (nearest - within) / np.where(defined, larger, 1), 0.0)
