"""How far a clustering is found again on other samples of the same points.

May not import torch or click; scikit-learn is imported when it is needed.
"""

import numpy as np

from rebalance import seeds
from rebalance.clusters.k_means import Floats, Labels, k_means_elsewhere

RESAMPLES = 10
MOST_RESAMPLED = 2000


def stability(points: Floats, labels: Labels, seed: int) -> float:
    """The mean adjusted Rand index between a clustering [N] of ``points`` [N, D] and ten others.

    Each of the others is k-means with as many clusters, ten k-means++ starts and a seed of its own,
    on min(N, 2000) points drawn with replacement; every point then belongs to the nearest of its
    centres. 1 is the same clusters every time, 0 is what chance gives. Costs a few k-means of 2000
    points at any N; for a larger class it is a lower estimate, since less is seen of it each time.

    It tells of k-means on these points, not of the layout: that stays the same. (The bootstrap of
    Fang & Wang 2012, Selection of the number of clusters via the bootstrap method, against the
    clustering itself as in Hennig 2007, Cluster-wise assessment of cluster stability.)
    """
    from sklearn.metrics import adjusted_rand_score

    k = len(np.unique(labels))
    size = min(len(points), MOST_RESAMPLED)
    found = []
    for turn in range(RESAMPLES):
        drawn = seeds.generator(seed, "resample", turn).integers(len(points), size=size)
        other = k_means_elsewhere(points[drawn], points, k, seeds.integer(seed, "stability", turn))
        found.append(adjusted_rand_score(labels, other))
    return float(np.mean(found))
