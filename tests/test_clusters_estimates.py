"""Mean silhouettes from a sample, against the exact ones."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_samples

from rebalance.clusters import CRITERIA, silhouettes
from rebalance.clusters import estimates as module
from rebalance.clusters.estimates import estimated_silhouettes
from rebalance.clusters.k_means import clusterings


@pytest.fixture(scope="module")
def blobs():
    """3,000 points of the plane in four groups, of which two overlap, and clusterings of them."""
    points, _ = make_blobs(
        3000, centers=[[0, 0], [9, 0], [0, 9], [11, 2]], cluster_std=1.5, random_state=0
    )
    labelings = [labels for labels, _ in clusterings(points, 7, seed=0).values()]
    return points, labelings, np.array(silhouettes(points, labelings))


def test_means_are_unbiased_and_errors_are_the_spread_of_the_means(blobs):
    points, labelings, exact = blobs
    drawn = [
        estimated_silhouettes(points, labelings, np.random.default_rng(seed), first=150, most=150)
        for seed in range(200)
    ]
    means = np.array([each.means for each in drawn])
    spread = means.std(axis=0, ddof=1)
    np.testing.assert_allclose(means.mean(axis=0), exact, atol=4 * spread.max() / np.sqrt(200))
    errors = np.sqrt(np.mean([np.square(each.errors) for each in drawn], axis=0))
    np.testing.assert_allclose(errors, spread, rtol=0.2)


def test_stratifying_narrows_the_errors(blobs):
    points, labelings, _ = blobs
    found = estimated_silhouettes(points, labelings, np.random.default_rng(0), first=300, most=300)
    simple = np.std([silhouette_samples(points, labels) for labels in labelings], axis=1)
    assert (np.array(found.errors) < simple / np.sqrt(found.drawn)).all()


def test_all_points_drawn_is_exact(blobs):
    points, labelings, exact = blobs
    found = estimated_silhouettes(points, labelings, np.random.default_rng(0), first=3000)
    np.testing.assert_allclose(found.means, exact, atol=1e-9)
    assert found.errors == [0.0] * len(labelings)
    assert found.drawn == 3000
    assert found.rival is None


def test_a_clear_winner_needs_no_more_than_the_first_sample():
    points, truth = make_blobs(4000, centers=[[0, 0], [40, 0], [0, 40]], random_state=1)
    labelings = [np.minimum(truth, 1), truth, np.where(points[:, 0] > 40, 3, truth)]
    found = estimated_silhouettes(points, labelings, np.random.default_rng(0), first=100)
    assert int(np.argmax(found.means)) == 1
    assert 100 <= found.drawn < 150
    assert found.rival is None


def test_the_sample_grows_while_two_are_close_and_then_says_so():
    rng = np.random.default_rng(3)
    points = rng.standard_normal((5000, 2))
    angle = np.arctan2(points[:, 1], points[:, 0])
    halves = [(np.mod(angle + turn, 2 * np.pi) < np.pi).astype(int) for turn in (0, 0.7)]
    found = estimated_silhouettes(points, halves, rng, first=50, most=400)
    assert 400 <= found.drawn < 450
    assert found.rival == 1 - int(np.argmax(found.means))
    whole = estimated_silhouettes(points, halves, rng, first=50, most=5000)
    assert whole.rival is None or whole.drawn < 5000
    assert int(np.argmax(whole.means)) == int(np.argmax(silhouettes(points, halves)))


def test_every_cell_is_drawn_from_however_small():
    points = np.random.default_rng(0).standard_normal((2000, 2))
    labels = np.zeros(2000, int)
    labels[:1], labels[1:4] = 1, 2
    found = estimated_silhouettes(points, [labels], np.random.default_rng(0), first=20, most=20)
    assert found.drawn >= 20 + 2
    assert np.isfinite(found.errors).all()


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_the_points_of_any_space_and_unmodified(columns):
    points, labels = make_blobs(700, n_features=columns, centers=3, random_state=2)
    before = points.copy()
    labelings, rng = [labels, labels // 2], np.random.default_rng(0)
    found = estimated_silhouettes(points, labelings, rng, first=300)
    exact = silhouettes(points, labelings)
    np.testing.assert_allclose(found.means, exact, atol=4 * max(found.errors) + 1e-9)
    np.testing.assert_array_equal(points, before)


def test_the_same_generator_the_same_estimate(blobs):
    points, labelings, _ = blobs
    first, again = (
        estimated_silhouettes(points, labelings, np.random.default_rng(5), first=200)
        for _ in range(2)
    )
    assert first == again


def test_bad_labelings_are_refused_as_by_the_exact_ones():
    with pytest.raises(ValueError, match="from 2 to 3 clusters"):
        estimated_silhouettes(np.zeros((4, 2)), [[0, 0, 0, 0]], np.random.default_rng(0))


def test_the_criterion_estimates_where_there_are_many_points(blobs, monkeypatch):
    points, labelings, _ = blobs
    named = dict(enumerate(labelings, 2))
    few = CRITERIA["silhouette"](points, named, 0)
    assert few.errors == {}
    assert few.rival is None
    monkeypatch.setattr(module, "EXACT_LIMIT", 2999)
    fewer = partial(estimated_silhouettes, first=500, most=1000)
    monkeypatch.setattr(module, "estimated_silhouettes", fewer)
    many = CRITERIA["silhouette"](points, named, 0)
    assert many.errors.keys() == many.values.keys() == few.values.keys()
    assert min(many.errors.values()) > 0
    assert many.k == few.k
    for k, value in few.values.items():
        assert many.values[k] == pytest.approx(value, abs=4 * many.errors[k] + 1e-9)
    assert many == CRITERIA["silhouette"](points, named, 0)
