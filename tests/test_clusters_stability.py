"""Stability: one where clusters are far apart, low where there are none, against a slow loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from rebalance.clusters import stability as module
from rebalance.clusters.k_means import k_means
from rebalance.clusters.stability import adjusted_rand, stability


def test_clusters_far_apart_are_found_every_time():
    points, truth = make_blobs(90, centers=[[0, 0], [20, 0], [0, 20]], random_state=0)
    assert stability(points, truth, 0) == 1.0


def test_is_the_mean_over_resamples_as_a_slow_loop_has_it():
    points = np.random.default_rng(0).uniform(size=(150, 2))
    labels = k_means(points, 5, 0)[0]
    rng = np.random.default_rng(1)
    found = []
    for turn in range(200):
        model = KMeans(5, n_init=10, random_state=turn).fit(points[rng.integers(150, size=150)])
        nearest = [
            min(
                range(5), key=lambda cluster: ((point - model.cluster_centers_[cluster]) ** 2).sum()
            )
            for point in points
        ]
        found.append(adjusted_rand_score(labels, nearest))
    measured = np.mean([stability(points, labels, seed) for seed in range(10)])
    assert measured == pytest.approx(np.mean(found), abs=4 * np.std(found) / 10)
    assert measured < 0.8


def test_same_seed_same_figure_and_another_seed_other_resamples():
    points = np.random.default_rng(0).standard_normal((80, 2))
    labels = k_means(points, 3, 0)[0]
    assert stability(points, labels, 1) == stability(points, labels, 1)
    assert stability(points, labels, 1) != stability(points, labels, 2)


def test_many_points_cost_no_more_than_some(monkeypatch):
    points = np.random.default_rng(0).standard_normal((5000, 2))
    labels = k_means(points, 2, 0)[0]
    seen = []
    inner = module.k_means_elsewhere

    def watched(sample, *rest):
        seen.append(len(sample))
        return inner(sample, *rest)

    monkeypatch.setattr(module, "k_means_elsewhere", watched)
    assert -0.5 <= stability(points, labels, 0) <= 1
    assert seen == [2000] * 10


def test_spots_fewer_than_clusters_on_a_resample_are_no_error():
    points = np.array([[0.0, 0.0]] * 20 + [[1.0, 1.0]])
    assert 0 <= stability(points, np.array([0] * 20 + [1]), 0) <= 1


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_agreement_is_scikit_learns(pairs):
    one, two = np.array(pairs).T
    assert adjusted_rand(one, two) == pytest.approx(adjusted_rand_score(one, two), abs=1e-12)


def test_agreement_of_a_large_class_is_exact():
    one, two = np.random.default_rng(0).integers(0, 9, (2, 3_000_000))
    one[:1_000_000] = two[:1_000_000]
    assert adjusted_rand(one, two) == pytest.approx(adjusted_rand_score(one, two), rel=1e-12)
