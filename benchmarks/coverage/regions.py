"""How sparse a class is around each image, and its regions: parts that candidates are made of."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 30  # how far the neighbour lies that tells the density
CROWDED = 0.95  # quantile of the distances that outliers are cut back to
LEAST_LOGARITHM = -500.0  # of an inverse density, below the largest
DAMPING = 0.7  # of the inverse density: the sparsest samples are often untypical ones
SCALES = (8, 5, 3, 2)  # the samples wanted, divided by these, are numbers of clusters
REPEATS = 2  # clusterings of each scale, which differ by where they start
ITERATIONS = 30

Points = NDArray[np.float32]
Weights = NDArray[np.float64]


def rarity(points: Points, wanted: int, rng: np.random.Generator) -> Weights:
    """How much each point [N, D] counts, so that sparse regions count as dense ones do.

    ``inverse_density`` to the power of ``DAMPING``, times the mean of 1 / (size of the point's
    cluster) over k-means clusterings of several k.
    """
    crowd = np.zeros(len(points))
    for clusters in sorted({max(2, wanted // scale) for scale in SCALES}):
        for _ in range(REPEATS):
            regions = k_means(points, clusters, np.ones(len(points)), rng)
            sizes = np.bincount(regions)
            crowd += 1 / (np.count_nonzero(sizes) * sizes[regions])
    weights = inverse_density(points) ** DAMPING * crowd
    shares: Weights = weights / weights.mean()
    return shares


def inverse_density(points: Points) -> Weights:
    """r^d, with r the distance to the 30th neighbour and d the intrinsic dimension."""
    from sklearn.neighbors import NearestNeighbors

    count = min(NEIGHBOURS, len(points) - 1)
    near, _ = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points).kneighbors()
    radius = near[:, -1]
    if not (radius > 0).any():
        return np.ones(len(points))
    # Among copies there is no distance: they are taken to be as crowded as the most crowded others.
    radius = np.clip(radius, radius[radius > 0].min(), np.quantile(radius, CROWDED))
    logarithms = dimension(near) * np.log(radius)
    inverses: Weights = np.exp(np.maximum(logarithms - logarithms.max(), LEAST_LOGARITHM))
    return inverses


def dimension(near: NDArray[np.floating[Any]]) -> float:
    """The intrinsic dimension (Levina & Bickel 2005) by the nearest 10 distances [N, 10+]."""
    some = near[:, :10]
    some = some[some[:, 0] > 0]
    if not some.size or some.shape[1] < 2:
        return 1.0
    slope = float(np.log(some[:, -1:] / some[:, :-1]).mean())
    return 1 / slope if slope > 0 else 1.0


def k_means(
    points: Points, count: int, weights: Weights, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The region [N] of each point; fewer than ``count`` where fewer points differ."""
    from sklearn.cluster import KMeans, kmeans_plusplus

    seed = int(rng.integers(2**31))
    starts, _ = kmeans_plusplus(
        points, count, sample_weight=weights, random_state=seed, n_local_trials=1
    )
    model = KMeans(count, init=starts, n_init=1, max_iter=ITERATIONS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than regions; the caller fills up
        labels = model.fit(points, sample_weight=weights).labels_
    regions: NDArray[np.intp] = labels.astype(np.intp)
    return regions
