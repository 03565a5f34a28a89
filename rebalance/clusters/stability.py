"""The stability of a clustering: how well it is found again on other samples of the points.

May not import torch or click. Imports numpy and nothing heavier.
"""

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters.k_means import Floats, Labels, k_means_elsewhere

RESAMPLES = 10
MOST_RESAMPLED = 2000


def stability(points: Floats, labels: Labels, seed: int) -> float:
    """Compute the mean adjusted Rand index between a clustering [N] of ``points`` and ten others.

    Each of the others is k-means with as many clusters, ten k-means++ starts and a seed of its own,
    on min(N, 2000) points drawn with replacement; every point then belongs to the nearest of its
    centres. 1 is the same clusters every time, 0 is what chance gives. Costs a few k-means of 2000
    points at any N; for a larger class it is a lower estimate, since less is seen of it each time.

    It tells of k-means on these points, not of the layout: that stays the same. (The bootstrap of
    Fang & Wang 2012, Selection of the number of clusters via the bootstrap method, against the
    clustering itself as in Hennig 2007, Cluster-wise assessment of cluster stability.)
    """
    k = len(np.unique(labels))
    size = min(len(points), MOST_RESAMPLED)
    found = []
    for turn in range(RESAMPLES):
        drawn = seeds.generator(seed, "resample", turn).integers(len(points), size=size)
        other = k_means_elsewhere(points[drawn], points, k, seeds.integer(seed, "stability", turn))
        found.append(adjusted_rand(labels, other))
    return float(np.mean(found))


def adjusted_rand(one: Labels, two: Labels) -> float:
    """Measure how far two labelings [N] agree on pairs of points, beyond chance.

    Source: Hubert & Arabie 1985.

    1 where they are the same but for the names of the clusters, 0 on average for random ones.
    """
    first, second = (np.unique(labels, return_inverse=True)[1] for labels in (one, two))
    across = second.max() + 1
    counts = np.bincount(first * across + second, minlength=(first.max() + 1) * across)
    table = counts.reshape(-1, across).astype(np.float64)
    together = _pairs(table)
    in_first, in_second = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    chance = in_first * in_second / max(_pairs(table.sum()), 1)
    most = (in_first + in_second) / 2
    return float((together - chance) / (most - chance)) if most != chance else 1.0


def _pairs(sizes: NDArray[np.float64] | np.float64) -> float:
    """Count the pairs that there are within groups of these sizes."""
    return float((sizes * (sizes - 1) / 2).sum())
