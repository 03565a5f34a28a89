"""Silhouettes of many clusterings of the same points in one pass over the pairs (Rousseeuw 1987).

Points that are together in every clustering are a cell: how far a point is from each cell, summed,
gives every sum that every silhouette needs. May not import torch or click; scipy, and numba for the
many points of a plane, are imported when they are needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.numerics.products import slices, threads

BLOCK_VALUES = 1 << 21  # distances held at once: 16 MB
COMPILED = 2048  # points of a plane from which numba is worth loading
SHARE = 256  # points whose distances one thread sums up at a time

Numbers = NDArray[np.intp]
Float64s = NDArray[np.float64]


def silhouettes(points: NDArray[np.floating[Any]], labelings: Sequence[ArrayLike]) -> list[float]:
    """Compute the mean silhouette of each labeling [N] of ``points`` [N, D], in Euclidean distance.

    A point's silhouette is (b - a) / max(a, b): a its mean distance to the others of its cluster,
    b the smallest mean distance to the points of another cluster. Alone in its cluster, or with
    a = b = 0, it is 0. Equal to scikit-learn's ``silhouette_score``; exact, in memory that does
    not grow with N squared. ValueError for points that are not finite, and for a labeling that does
    not name from 2 to N - 1 clusters for N points.

    >>> import numpy as np
    >>> from rebalance.clusters import silhouettes
    >>> points = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0], [9.0, 1.0]])
    >>> [round(value, 3) for value in silhouettes(points, [[0, 0, 1, 1], [0, 1, 0, 1]])]
    [0.889, -0.441]
    """
    cells = Cells.of(points, labelings)
    if not labelings:
        return []
    totals = sum(block.sum(axis=1) for block in cells.silhouettes(np.arange(len(points))))
    return [float(total) for total in totals / len(points)]


@dataclass(frozen=True, eq=False)
class Cells:
    """Points grouped into cells: sets of points that no labeling separates.

    points: [N, D], cell by cell. starts: where each cell starts among them, [cells + 1]. clusters:
    for each labeling the cluster [cells] that a cell lies in. sizes: for each labeling the number
    of points [clusters] of each cluster.
    """

    points: Float64s
    starts: Numbers
    clusters: list[Numbers]
    sizes: list[Numbers]

    @classmethod
    def of(cls, points: NDArray[np.floating[Any]], labelings: Sequence[ArrayLike]) -> "Cells":
        """Group ``points`` [N, D] into cells under the labelings; errors as in ``silhouettes``."""
        exact: Float64s = np.asarray(points, dtype=np.float64)
        if not np.isfinite(exact).all():
            raise ValueError("silhouettes need finite points, but there are NaN or infinite ones")
        clusterings = [_cluster_numbers(labels, len(exact)) for labels in labelings]
        cells = np.zeros(len(exact), np.intp)
        for numbers in clusterings:  # renumbered each time, so that the numbers stay small
            cells = np.unique(cells * (numbers.max() + 1) + numbers, return_inverse=True)[1]
        order = np.argsort(cells, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(cells))))
        return cls(
            exact[order],
            starts,
            [numbers[order[starts[:-1]]] for numbers in clusterings],
            [np.bincount(numbers) for numbers in clusterings],
        )

    def silhouettes(self, at: Numbers) -> Iterator[Float64s]:
        """Yield the silhouettes of the points at these positions, some [labelings, n] at a time."""
        # Which cluster of each clustering a cell lies in: [cells, clusters] of zeros and ones.
        inside = [
            np.eye(len(sizes))[own] for own, sizes in zip(self.clusters, self.sizes, strict=True)
        ]
        cells = np.searchsorted(self.starts, at, side="right") - 1
        across = len(self.starts) - 1 if self._on_plane else len(self.points)
        step = max(1, BLOCK_VALUES // across)
        for start in range(0, len(at), step):
            rows = slice(start, start + step)
            sums = self._summed_distances(at[rows])
            yield np.stack(
                [
                    _sample_silhouettes(sums @ belongs, own[cells[rows]], sizes)
                    for belongs, own, sizes in zip(inside, self.clusters, self.sizes, strict=True)
                ]
            )

    @property
    def _on_plane(self) -> bool:
        return self.points.shape[1] == 2 and len(self.points) >= COMPILED

    def _summed_distances(self, at: Numbers) -> Float64s:
        """Sum the distances from each of the points [n] to the points of each cell [n, cells]."""
        if not self._on_plane:
            from scipy.spatial.distance import cdist

            distances = cdist(self.points[at], self.points)
            sums: Float64s = np.add.reduceat(distances, self.starts[:-1], axis=1)
            return sums
        from rebalance.clusters.kernels import summed_distances

        x, y = self._coordinates
        sums = np.empty((len(at), len(self.starts) - 1))

        def sum_up(rows: slice) -> None:
            summed_distances(x, y, self.starts, at[rows], sums[rows])

        with threads() as team:
            team.each(sum_up, slices(len(at), SHARE))
        return sums

    @cached_property
    def _coordinates(self) -> NDArray[np.floating[Any]]:
        """Return x and y [2, N], in the quicker single precision where that loses nothing."""
        single = self.points.astype(np.float32)
        exact = single if (single == self.points).all() else self.points
        return np.ascontiguousarray(exact.T)


def _cluster_numbers(labels: ArrayLike, samples: int) -> Numbers:
    """Check the labels, and renumber them from 0."""
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
    """Compute silhouettes [n] from summed distances [n, k] to each cluster, ``own`` being [n]."""
    here = np.arange(len(own))
    others = sizes[own] - 1  # the point itself is at distance 0 and does not count
    within = sums[here, own] / np.maximum(others, 1)
    between = sums / sizes
    between[here, own] = np.inf
    nearest = between.min(axis=1)
    larger = np.maximum(within, nearest)
    defined = (others > 0) & (larger > 0)
    return np.where(defined, (nearest - within) / np.where(defined, larger, 1), 0.0)
