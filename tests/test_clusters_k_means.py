"""k-means: the scatter is the least there is, and the same for a seed."""

from itertools import product

import numpy as np
from sklearn.datasets import make_blobs

from rebalance.clusters.k_means import clusterings, k_means, k_means_elsewhere


def scatter(points, labels):
    groups = [points[labels == label] for label in np.unique(labels)]
    return sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups)


def test_no_other_clustering_has_less_scatter():
    points = np.random.default_rng(0).standard_normal((9, 2))
    for k in (2, 3):
        labels, centres = k_means(points, k, seed=0)
        others = (np.array(each) for each in product(range(k), repeat=9))
        least = min(scatter(points, other) for other in others if len(set(other)) == k)
        assert np.isclose(scatter(points, labels), least)
        for cluster in range(k):
            np.testing.assert_allclose(centres[cluster], points[labels == cluster].mean(axis=0))


def test_same_seed_same_clusters():
    points = make_blobs(300, centers=5, random_state=0)[0]
    first, again = (clusterings(points, 6, seed=3) for _ in range(2))
    assert list(first) == [2, 3, 4, 5, 6]
    for k in first:
        np.testing.assert_array_equal(first[k][0], again[k][0])


def test_k_ends_before_the_number_of_points():
    points = np.random.default_rng(0).standard_normal((5, 3))
    assert list(clusterings(points, 9, seed=0)) == [2, 3, 4]


def test_clusters_that_k_means_left_empty_are_no_candidate():
    points = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])[np.arange(12) % 3]
    assert list(clusterings(points, 9, seed=0)) == [2, 3]


def test_points_belong_to_the_nearest_centre_found_on_a_sample():
    points = make_blobs(200, centers=3, random_state=1)[0]
    sample = points[::2]
    centres = k_means(sample, 3, seed=5)[1]
    nearest = ((points[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(k_means_elsewhere(sample, points, 3, seed=5), nearest)
