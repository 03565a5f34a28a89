"""k-means clusterings that are the same for a seed (Lloyd 1982; Arthur & Vassilvitskii 2007).

May not import torch or click; scikit-learn is imported when it is needed.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.intp]
Clustering = tuple[Labels, NDArray[np.float64]]  # labels [N], centres [k, D]
Labelings = Mapping[int, Labels]  # by k, rising

STARTS = 10


def clusterings(points: Floats, k_max: int, seed: int) -> dict[int, Clustering]:
    """The k-means clustering of ``points`` [N, D] for each k that can be, from 2 to ``k_max``.

    k ends at N - 1, and at the number of distinct points.
    """
    tried = {
        k: k_means(points, k, seeds.integer(seed, "k-means", k))
        for k in range(2, min(k_max, len(points) - 1) + 1)
    }
    return {k: fit for k, fit in tried.items() if len(np.unique(fit[0])) == k}


def k_means(points: Floats, k: int, seed: int, starts: int = STARTS) -> Clustering:
    """The best of some k-means++ starts; fewer than k clusters where points coincide."""
    model = _fit(points, k, seed, starts)
    return model.labels_.astype(np.intp), np.asarray(model.cluster_centers_, dtype=np.float64)


def k_means_elsewhere(sample: Floats, points: Floats, k: int, seed: int) -> Labels:
    """The cluster [N] of each of ``points`` whose centre, found on ``sample``, is nearest."""
    from threadpoolctl import threadpool_limits

    model = _fit(sample, k, seed, STARTS)
    with threadpool_limits(1, user_api="openmp"):
        labels: Labels = model.predict(points).astype(np.intp)
    return labels


def _fit(points: Floats, k: int, seed: int, starts: int) -> Any:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    model = KMeans(k, init="k-means++", n_init=starts, random_state=seed)
    # One thread: the order in which OpenMP's threads add up is not fixed.
    with threadpool_limits(1, user_api="openmp"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than k; the caller looks for it
        return model.fit(points)
