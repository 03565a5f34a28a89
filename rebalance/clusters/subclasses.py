"""The groups that one class is made of: its subclasses (Lehmann & Ebner 2022, section 3).

Standardise, principal components, a 2-D layout, k-means for every k, and the k with the best
silhouette. May not import torch or click; scikit-learn is imported when it is needed.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters.layout import MIN_SAMPLES, umap_layout
from rebalance.clusters.pca import Matrix, principal_components
from rebalance.clusters.silhouette import silhouettes

K_MAX = 9
STARTS = 10


@dataclass(frozen=True, eq=False)
class Subclasses:
    """The clusters of one class, and where its samples lie.

    labels: the cluster [N] of each sample; 0 is the largest (tie: the one of the earlier sample).
    distances: from each sample [N] to the centre of its own cluster, in the layout.
    centres: k-means centres [k, 2].
    points: the layout [N, 2].
    silhouettes: the mean silhouette of each k that was tried; empty where there is one cluster.
    note: why there is only one cluster; None where there are more.
    """

    labels: NDArray[np.intp]
    distances: NDArray[np.float64]
    centres: NDArray[np.float64]
    points: NDArray[np.float64]
    silhouettes: dict[int, float]
    note: str | None = None

    @property
    def k(self) -> int:
        """How many clusters there are."""
        return len(self.centres)

    @property
    def sizes(self) -> list[int]:
        """Samples per cluster, in the order of their numbers."""
        return [int(size) for size in np.bincount(self.labels, minlength=self.k)]

    @property
    def silhouette(self) -> float | None:
        """The mean silhouette of the chosen k; None where there is one cluster."""
        return self.silhouettes.get(self.k)


def find_subclasses(matrix: Matrix, seed: int) -> Subclasses:
    """The subclasses of the class whose features [N, M] are ``matrix``.

    k runs from 2 to min(9, N - 1); the best silhouette wins, a tie goes to the smaller k. Fewer
    than 4 samples, or features that are all identical, make one cluster around the mean of the
    first two principal components; ``note`` says so. FeatureError for an empty class and for
    features that are not finite.
    """
    components = principal_components(matrix)
    if len(components) < MIN_SAMPLES:
        return _one_cluster(components, f"fewer than {MIN_SAMPLES} images to cluster")
    if not components.any():
        return _one_cluster(components, "all features are identical")
    points = umap_layout(components, seeds.integer(seed, "umap")).astype(np.float64)
    candidates = _clusterings(points, seed)
    if not candidates:
        return _one_cluster(components, "no two groups can be told apart")
    scores = dict(
        zip(candidates, silhouettes(points, [fit[0] for fit in candidates.values()]), strict=True)
    )
    best = max(scores, key=lambda k: (scores[k], -k))
    labels, centres = _largest_first(*candidates[best])
    distances = np.linalg.norm(points - centres[labels], axis=1)
    return Subclasses(labels, distances, centres, points, scores)


Clustering = tuple[NDArray[np.intp], NDArray[np.float64]]  # labels [N], centres [k, 2]


def _clusterings(points: NDArray[np.float64], seed: int) -> dict[int, Clustering]:
    """The k-means clustering for every k that as many distinct points allow."""
    tried = {
        k: _k_means(points, k, seeds.integer(seed, "k-means", k))
        for k in range(2, min(K_MAX, len(points) - 1) + 1)
    }
    return {k: fit for k, fit in tried.items() if len(np.unique(fit[0])) == k}


def _k_means(points: NDArray[np.float64], k: int, seed: int) -> Clustering:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    model = KMeans(k, init="k-means++", n_init=STARTS, random_state=seed)
    # One thread: the order in which OpenMP's threads add up is not fixed.
    with threadpool_limits(1, user_api="openmp"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than k; the caller looks for it
        model.fit(points)
    return model.labels_.astype(np.intp), np.asarray(model.cluster_centers_, dtype=np.float64)


def _largest_first(labels: NDArray[np.intp], centres: NDArray[np.float64]) -> Clustering:
    """The same clusters, numbered by falling size (tie: by their earliest sample)."""
    _, earliest, sizes = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((earliest, -sizes))
    return np.argsort(order)[labels], centres[order]


def _one_cluster(components: NDArray[Any], note: str) -> Subclasses:
    points = np.zeros((len(components), 2))
    points[:, : components.shape[1]] = components[:, :2]
    centre = points.mean(axis=0, keepdims=True)
    distances = np.linalg.norm(points - centre, axis=1)
    return Subclasses(np.zeros(len(points), np.intp), distances, centre, points, {}, note)
