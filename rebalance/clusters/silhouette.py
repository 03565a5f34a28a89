"""Silhouettes of many clusterings of the same points in one pass over the pairs (Rousseeuw 1987).

The distances of a block of points to all points, times which cluster of which clustering each point
is in, give every sum that every silhouette needs. May not import torch or click; scipy is imported
when it is needed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK_VALUES = 1 << 21  # distances held at once: 16 MB


def silhouettes(points: NDArray[np.floating[Any]], labelings: Sequence[ArrayLike]) -> list[float]:
    """The mean silhouette of each labeling [N] of ``points`` [N, D], by Euclidean distance.

    A point's silhouette is (b - a) / max(a, b): a its mean distance to the others of its cluster,
    b the smallest mean distance to the points of another cluster. Alone in its cluster, or with
    a = b = 0, it is 0. Equal to scikit-learn's ``silhouette_score``; exact, in memory that does
    not grow with N squared. ValueError for points that are not finite, and for a labeling that does
    not name from 2 to N - 1 clusters for N points.
    """
    from scipy.spatial.distance import cdist

    points = np.asarray(points, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("silhouettes need finite points, but there are NaN or infinite ones")
    clusterings = [_cluster_numbers(labels, len(points)) for labels in labelings]
    if not clusterings:
        return []
    sizes = [np.bincount(numbers) for numbers in clusterings]
    ends = np.cumsum([len(counts) for counts in sizes])
    membership = np.hstack(
        [np.eye(len(counts))[numbers] for numbers, counts in zip(clusterings, sizes, strict=True)]
    )
    totals = np.zeros(len(clusterings))
    step = max(1, BLOCK_VALUES // len(points))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        sums = np.split(cdist(points[rows], points) @ membership, ends[:-1], axis=1)
        totals += [
            _sample_silhouettes(sums[i], numbers[rows], sizes[i]).sum()
            for i, numbers in enumerate(clusterings)
        ]
    return [float(total) for total in totals / len(points)]


def _cluster_numbers(labels: ArrayLike, samples: int) -> NDArray[np.intp]:
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
    sums: NDArray[np.float64], own: NDArray[np.intp], sizes: NDArray[np.intp]
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
