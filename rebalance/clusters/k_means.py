"""k-means clusterings that are the same for a seed (Lloyd 1982; Arthur & Vassilvitskii 2007).

Our own rather than scikit-learn's, whose import takes longer than the clustering, and the same for
any number of threads. May not import torch or click; numba is imported when it is needed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters import lloyd
from rebalance.numerics.products import one_blas_thread, threads

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.intp]
Clustering = tuple[Labels, NDArray[np.float64]]  # labels [N], centres [k, D]
Labelings = Mapping[int, Labels]  # by k, rising

STARTS = 10
TOLERANCE = 1e-4  # squared steps of the centres that are taken for none, in mean column variances
COMPILED = 32  # points of a plane from which compiled loops are worth their call


def clusterings(points: Floats, k_max: int, seed: int) -> dict[int, Clustering]:
    """Cluster ``points`` [N, D] by k-means for each possible k from 2 to ``k_max``.

    k ends at N - 1, and at the number of distinct points.
    """
    tried = {
        k: k_means(points, k, seeds.integer(seed, "k-means", k))
        for k in range(2, min(k_max, len(points) - 1) + 1)
    }
    return {k: fit for k, fit in tried.items() if len(np.unique(fit[0])) == k}


def k_means(points: Floats, k: int, seed: int, starts: int = STARTS) -> Clustering:
    """Return the best of some greedy k-means++ starts; fewer than k clusters if points coincide.

    As scikit-learn's ``KMeans`` does it: a start ends when nothing changes or its centres hardly
    move, after 300 rounds at most, and a cluster that loses its points takes the farthest one.
    """
    mean = points.mean(axis=0, dtype=np.float64)
    centred = points - mean  # far from the origin, squares lose their digits
    trials = 2 + int(np.log(k))
    chances = np.random.default_rng(seed).random((starts, k, trials))
    tolerance = TOLERANCE * float(np.square(centred).mean())
    if points.shape[1] == 2 and len(points) >= COMPILED:
        labels, centres = _in_plane(centred, chances, tolerance)
    else:
        with one_blas_thread():
            k = min(k, _distinct(centred))
            labels, centres = lloyd.cluster(centred, k, chances[:, :k], tolerance)
    return labels, centres + mean


def k_means_elsewhere(sample: Floats, points: Floats, k: int, seed: int) -> Labels:
    """Cluster ``sample``, and give each of ``points`` [N] the cluster of the nearest centre."""
    centres = k_means(sample, k, seed)[1]
    mean = centres.mean(axis=0)
    with one_blas_thread():
        labels: Labels = lloyd.assigned(points - mean, (centres - mean)[None])[0][0]
    return labels


def _in_plane(
    points: NDArray[np.float64], chances: NDArray[np.float64], tolerance: float
) -> Clustering:
    from rebalance.clusters.kernels import cluster_plane

    starts, k, _ = chances.shape
    labels = np.full((starts, len(points)), -1, np.int32)
    centres = np.empty((starts, k, 2))
    x, y = np.ascontiguousarray(points.T)

    def cluster(start: int) -> float:
        mine = labels[start], centres[start]
        scatter: float = cluster_plane(x, y, chances[start], tolerance, lloyd.ITERATIONS, *mine)
        return scatter

    with threads() as team:
        best = int(np.argmin(team.each(cluster, range(starts))))
    return labels[best].astype(np.intp), centres[best]


def _distinct(points: NDArray[np.float64]) -> int:
    """Count how many of the points [N, D] are different."""
    rows = np.ascontiguousarray(points + 0.0)  # + 0 makes -0 and 0 the same bytes
    if not rows.shape[1]:
        return 1
    return len(np.unique(rows.view(f"V{rows.itemsize * rows.shape[1]}")))
