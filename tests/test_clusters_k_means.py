"""k-means: the scatter is the least there is, and the same for a seed."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from rebalance.clusters import k_means as module
from rebalance.clusters import kernels, lloyd
from rebalance.clusters.k_means import clusterings, k_means, k_means_elsewhere

CLOUDS = {
    "plane": make_blobs(700, centers=6, random_state=0)[0],
    "even": np.random.default_rng(0).uniform(size=(600, 2)),
    "far": make_blobs(500, centers=4, random_state=3)[0] + 1e6,
    "wide": make_blobs(400, n_features=30, centers=5, cluster_std=5, random_state=1)[0],
    "gauss": np.random.default_rng(1).standard_normal((300, 8)),
}


@pytest.fixture(params=["compiled", "products"])
def way(request, monkeypatch):
    """Points of the plane in compiled loops, and as those of more dimensions."""
    monkeypatch.setattr(module, "COMPILED", 0 if request.param == "compiled" else 10**9)


def scatter(points, labels):
    groups = [points[labels == label] for label in np.unique(labels)]
    return sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups)


def test_no_other_clustering_has_less_scatter(way):
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


def test_clusters_that_k_means_left_empty_are_no_candidate(way):
    points = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])[np.arange(12) % 3]
    assert list(clusterings(points, 9, seed=0)) == [2, 3]


def test_points_belong_to_the_nearest_centre_found_on_a_sample():
    points = make_blobs(200, centers=3, random_state=1)[0]
    sample = points[::2]
    centres = k_means(sample, 3, seed=5)[1]
    nearest = ((points[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(k_means_elsewhere(sample, points, 3, seed=5), nearest)


@pytest.mark.parametrize("name", CLOUDS)
def test_scatter_is_that_of_scikit_learn(name, way):
    points, ratios = CLOUDS[name], []
    for seed in range(6):
        for k in (3, 6, 9):
            ours = scatter(points, k_means(points, k, seed)[0])
            model = KMeans(k, n_init=10, random_state=seed).fit(points)
            ratios.append(ours / scatter(points, model.labels_))
    assert np.mean(ratios) < 1.004
    assert max(ratios) < 1.03


def test_groups_far_apart_are_found_as_by_scikit_learn(way):
    points, truth = make_blobs(400, centers=[[0, 0], [30, 0], [0, 30], [30, 30]], random_state=0)
    labels, centres = k_means(points, 4, seed=0)
    model = KMeans(4, n_init=10, random_state=0).fit(points)
    names = labels[[np.flatnonzero(model.labels_ == cluster)[0] for cluster in range(4)]]
    np.testing.assert_array_equal(labels, names[model.labels_])
    np.testing.assert_allclose(centres[names], model.cluster_centers_)
    assert len(set(zip(labels, truth, strict=True))) == 4


def test_both_ways_find_the_same_clusters(monkeypatch):
    points = CLOUDS["plane"]
    compiled = k_means(points, 7, seed=1)
    monkeypatch.setattr(module, "COMPILED", 10**9)
    products = k_means(points, 7, seed=1)
    np.testing.assert_array_equal(compiled[0], products[0])
    np.testing.assert_allclose(compiled[1], products[1])


def test_centres_without_points_take_the_farthest_as_in_scikit_learn(monkeypatch):
    points = np.random.default_rng(2).standard_normal((40, 2))
    points -= points.mean(axis=0)
    begin = np.stack([points[0], points[0], points[0], points[1]])
    monkeypatch.setattr(lloyd, "greedy_starts", lambda *_: begin[None].copy())
    labels, centres = lloyd.cluster(points, 4, np.empty((1, 4, 3)), 0.0)
    model = KMeans(4, init=begin, n_init=1, tol=0).fit(points)
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_allclose(centres, model.cluster_centers_)


def test_compiled_centres_move_as_the_others():
    points = np.random.default_rng(2).standard_normal((40, 2))
    x, y = np.ascontiguousarray(points.T)
    centres = np.stack([points[0], points[0], points[0], points[1]])
    labels, gaps, sums = np.full(40, -1, np.int32), np.empty(40), np.empty((4, 3))
    nearest, distances, summed = lloyd.assigned(points, centres[None])
    assert not kernels._assign(x, y, centres, labels, gaps, sums)
    np.testing.assert_array_equal(labels, nearest[0])
    np.testing.assert_allclose(gaps, distances[0], atol=1e-12)
    expected = lloyd._means(points, nearest, distances, summed)[0]
    before = centres.copy()
    moved = kernels._move(x, y, centres, labels, gaps, sums)
    np.testing.assert_allclose(centres, expected)
    assert moved == pytest.approx(np.square(centres - before).sum())
    assert len(np.unique(centres, axis=0)) == 4


@settings(max_examples=80, deadline=None)
@given(
    points=arrays(
        np.float64,
        st.tuples(st.integers(1, 14), st.sampled_from([1, 2, 3])),
        elements=st.integers(-3, 3).map(float),
    ),
    k=st.integers(1, 6),
    compiled=st.booleans(),
)
def test_each_point_is_with_its_nearest_centre(points, k, compiled):
    before = points.copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "COMPILED", 0 if compiled else 10**9)
        labels, centres = k_means(points, k, seed=0)
    gaps = ((points[:, None] - centres) ** 2).sum(axis=2)
    own = gaps[np.arange(len(points)), labels]
    np.testing.assert_allclose(own, gaps.min(axis=1), atol=1e-9)
    assert len(np.unique(labels)) == min(k, len(np.unique(points, axis=0)))
    np.testing.assert_array_equal(points, before)
