"""Samples that cover a class: every region is kept, the thinly populated ones in full measure.

Random picks follow the density of a class, so its rare subclasses are thinned like the common ones.
Here a sample weighs the more the sparser its surroundings are (``rarity``), weighted k-means cuts
the class into as many regions as samples are wanted, and of each region a typical member is kept.
May not import torch or click; scikit-learn is imported when it is needed.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.clusters.pca import InMemory, principal_components
from rebalance.errors import FeatureError

COMPONENTS = 50
NEIGHBOURS = 30  # how far the neighbour lies that tells the density, in a class up to LANDMARKS
LANDMARKS = 4096  # samples that neighbours are looked for among, so that time grows with N
LEAST_LOGARITHM = -500.0  # of an inverse density, below the largest
DAMPING = 0.7  # of the inverse density: the sparsest samples are often untypical ones
CROWDED = 0.95  # quantile of the distances that outliers are cut back to
SCALES = (8, 5, 3, 2)  # the samples wanted, divided by these, are numbers of clusters
REPEATS = 2  # clusterings of each scale, which differ by where they start
ITERATIONS = 30
FITTED = 8192  # k-means is fitted on so many samples, or on PER_REGION for each region if more
PER_REGION = 16
BLOCK_VALUES = 1 << 22  # distances alive at a time: 16 MB in float32

Points = NDArray[np.float32]
Weights = NDArray[np.float64]
Features = NDArray[np.floating[Any]]


def coverage(features: Features, wanted: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The rising positions of ``wanted`` samples that cover the class with these features [N, D].

    k-means weighted by ``rarity`` makes as many regions as are wanted; of each, the member nearest
    to the plain mean of the region is kept: typical, where the weighted centre leans to the rim.
    Where there are fewer regions, because features are equal, the rest is drawn from the others by
    their weights. Time grows with N·D·wanted, memory with N·D and a block.

    The features are not modified. ValueError unless 1 <= wanted <= N; FeatureError for features
    that are not finite.
    """
    if not 1 <= wanted <= len(features):
        raise ValueError(f"from 1 to {len(features)} samples can be kept, but {wanted} are wanted")
    if wanted == len(features):
        return np.arange(wanted)
    points = embed(features)
    weights = rarity(points, wanted, rng)
    regions = _k_means(points, wanted, weights, rng)
    kept = _most_typical(points, regions)
    rest = np.setdiff1d(np.arange(len(points)), kept)
    chances = weights[rest] / weights[rest].sum()
    drawn = rng.choice(rest, wanted - len(kept), replace=False, p=chances)
    return np.sort(np.concatenate((kept, drawn)))


def embed(features: Features) -> Points:
    """The samples of a class as points [N, up to 50] whose Euclidean distances are compared.

    Columns are divided by their standard deviation and rows by their length, which makes few long
    samples lie less far from everything; of that the leading principal components are taken. A
    column that hardly varies is not blown up: its divisor is at least a tenth of the columns' mean
    deviation. FeatureError for features that are not finite.
    """
    scaled = features.astype(np.float32)
    if not np.isfinite(scaled).all():
        raise FeatureError(
            "features must be finite, but there are NaN or infinite ones: extract them again"
        )
    deviations = scaled.std(axis=0, dtype=np.float64)
    floor = max(deviations.mean() / 10, np.finfo(np.float32).tiny)
    scaled /= np.maximum(deviations, floor).astype(np.float32)
    varying = scaled[:, deviations > 0]
    if not varying.size:
        return np.zeros((len(features), 1), np.float32)
    lengths = np.linalg.norm(varying, axis=1, keepdims=True)
    directions = varying / np.where(lengths > 0, lengths, 1)
    return principal_components(InMemory(directions), COMPONENTS)


def rarity(points: Points, wanted: int, rng: np.random.Generator) -> Weights:
    """How much each of the ``points`` [N, D] counts, so that sparse regions count as dense ones do.

    The inverse of a density, r^d, with r the distance to the 30th neighbour and d the intrinsic
    dimension (Levina & Bickel 2005), to the power of ``DAMPING``, times the mean of 1 / (k · size
    of the point's cluster) over k-means clusterings of several k. The first sees what is sparse,
    the second what is a small group of its own. The weights are positive and their mean is 1.
    """
    weights = _inverse_density(points, rng) ** DAMPING * _inverse_crowd(points, wanted, rng)
    shares: Weights = weights / weights.mean()
    return shares


def _inverse_density(points: Points, rng: np.random.Generator) -> Weights:
    landmarks = points
    if len(points) > LANDMARKS:
        landmarks = points[np.sort(rng.choice(len(points), LANDMARKS, replace=False))]
    count = min(NEIGHBOURS, len(landmarks) - 1)
    # One more than counted: the nearest landmark may be the sample itself.
    near = _nearest_distances(points, landmarks, count + 1)[:, 1:]
    radius = near[:, -1]
    if not (radius > 0).any():
        return np.ones(len(points))
    # Among copies there is no distance: they are taken to be as crowded as the most crowded others.
    radius = np.clip(radius, radius[radius > 0].min(), np.quantile(radius, CROWDED))
    logarithms = _dimension(near) * np.log(radius)
    # Never 0, so that where nothing else is left the most crowded can be drawn too.
    inverses: Weights = np.exp(np.maximum(logarithms - logarithms.max(), LEAST_LOGARITHM))
    return inverses


def _dimension(near: Weights) -> float:
    """The intrinsic dimension by the distances to the nearest 10 neighbours [N, 10 or more]."""
    some = near[:, :10]
    some = some[some[:, 0] > 0]
    if not some.size or some.shape[1] < 2:
        return 1.0
    slope = float(np.log(some[:, -1:] / some[:, :-1]).mean())
    return 1 / slope if slope > 0 else 1.0


def _nearest_distances(points: Points, landmarks: Points, count: int) -> Weights:
    """The ``count`` smallest distances [N, count] from each point to the landmarks, rising."""
    squares = np.square(landmarks).sum(axis=1)
    step = max(1, BLOCK_VALUES // len(landmarks))
    nearest = np.empty((len(points), count))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        gaps = squares - 2 * (block @ landmarks.T) + np.square(block).sum(axis=1, keepdims=True)
        smallest = np.partition(gaps, count - 1, axis=1)[:, :count]
        nearest[start : start + step] = np.sort(smallest, axis=1)
    # The rounding of the expanded squares: what lies below it is no distance.
    nearest[nearest < 1e-5 * max(float(squares.max()), 1e-30)] = 0
    return np.sqrt(nearest)


def _inverse_crowd(points: Points, wanted: int, rng: np.random.Generator) -> Weights:
    total = np.zeros(len(points))
    for clusters in sorted({max(2, wanted // scale) for scale in SCALES}):
        for _ in range(REPEATS):
            regions = _k_means(points, clusters, np.ones(len(points)), rng)
            sizes = np.bincount(regions)
            total += 1 / (np.count_nonzero(sizes) * sizes[regions])
    return total


def _k_means(
    points: Points, count: int, weights: Weights, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The region [N] of each point; fewer than ``count`` where fewer points differ."""
    from sklearn.cluster import KMeans, kmeans_plusplus
    from threadpoolctl import threadpool_limits

    fitted, masses = points, weights
    if len(points) > max(FITTED, PER_REGION * count):
        # Drawn by weight, they stand for the weighted points, and all count the same.
        fitted = points[
            rng.choice(
                len(points),
                max(FITTED, PER_REGION * count),
                replace=False,
                p=weights / weights.sum(),
            )
        ]
        masses = np.ones(len(fitted))
    seed = int(rng.integers(2**31))
    # One trial a centre: scikit-learn's own number of them takes most of the time where many are.
    starts, _ = kmeans_plusplus(
        fitted, count, sample_weight=masses, random_state=seed, n_local_trials=1
    )
    model = KMeans(count, init=starts, n_init=1, max_iter=ITERATIONS, random_state=seed)
    # One thread: the order in which OpenMP's threads add up is not fixed.
    with threadpool_limits(1, user_api="openmp"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than regions; the caller fills up
        model.fit(fitted, sample_weight=masses)
        labels = model.predict(points)
    regions: NDArray[np.intp] = labels.astype(np.intp)
    return regions


def _most_typical(points: Points, regions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each region the member nearest to its mean (tie: the earlier), by rising region."""
    numbers = np.unique(regions, return_inverse=True)[1]
    sizes = np.bincount(numbers)
    order = np.argsort(numbers, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    means = np.add.reduceat(points[order].astype(np.float64), starts) / sizes[:, None]
    gaps = np.square(points - means[numbers]).sum(axis=1)
    nearest: NDArray[np.intp] = np.lexsort((gaps, numbers))[starts]
    return nearest
