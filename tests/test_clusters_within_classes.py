"""Clusters of about one size within every class."""

import numpy as np
from sklearn.cluster import KMeans

from rebalance.clusters.within_classes import MOST, cluster_classes


def test_clusters_are_those_that_k_means_finds_in_each_class():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 2, 5], [60, 21, 1])
    kinds = np.concatenate([np.arange(60) % 3, np.arange(21) % 2, [0]])
    points = 20 * np.eye(4)[kinds] + 7 * labels[:, None] + rng.normal(size=(82, 4))
    found = cluster_classes(points, labels, 18)
    assert found.owners.tolist() == [0, 0, 0, 2, 5]
    again = cluster_classes(points, labels, 18)
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))
    for label in (0, 2, 5):
        own = labels == label
        count = int((found.owners == label).sum())
        known = KMeans(count, n_init=10, random_state=0).fit(points[own])
        pairs = set(zip(known.labels_.tolist(), found.members[own].tolist(), strict=True))
        assert len(pairs) == count
    for cluster, centre in enumerate(found.centres):
        np.testing.assert_allclose(centre, points[found.members == cluster].mean(axis=0))
        assert set(labels[found.members == cluster]) == {found.owners[cluster]}


def test_there_are_no_more_than_there_are_points():
    points = np.repeat([[0.0, 1.0], [5.0, 5.0]], 10, axis=0)
    found = cluster_classes(points, np.zeros(20, int), 1)
    assert sorted(found.centres.tolist()) == [[0.0, 1.0], [5.0, 5.0]]
    many = cluster_classes(np.random.default_rng(0).normal(size=(50, 3)), np.zeros(50, int), 1)
    assert len(many.centres) == MOST
