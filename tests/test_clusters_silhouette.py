"""Silhouettes against scikit-learn."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from rebalance.clusters import silhouette, silhouettes
from rebalance.numerics import products


@st.composite
def clustered_points(
    draw: st.DrawFn,
) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Points on a coarse grid, so that duplicates are common, and some labelings of them."""
    samples, columns = draw(st.integers(3, 25)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rng.integers(-3, 4, (samples, columns)) * draw(st.sampled_from([1e-6, 1.0, 1e6]))
    clusters = draw(st.lists(st.integers(2, samples - 1), min_size=1, max_size=4))
    labelings = [rng.permutation(np.arange(samples) % k) * 7 - 3 for k in clusters]
    return points, labelings


@pytest.mark.parametrize("compiled", [0, silhouette.COMPILED])  # all points of a plane, or none
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=clustered_points())
def test_equals_scikit_learn(
    monkeypatch: pytest.MonkeyPatch,
    compiled: int,
    data: tuple[NDArray[np.float64], list[NDArray[np.int64]]],
) -> None:
    monkeypatch.setattr(silhouette, "COMPILED", compiled)
    points, labelings = data
    expected = [silhouette_score(points, labels) for labels in labelings]
    np.testing.assert_allclose(silhouettes(points, labelings), expected, atol=1e-6)


@pytest.mark.parametrize("block_values", [1, 1000, 1 << 21])
def test_blocks_do_not_show(block_values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silhouette, "BLOCK_VALUES", block_values)
    points, labels = make_blobs(500, centers=4, random_state=0)
    labelings = [labels, labels // 2, np.arange(500) % 9]
    expected = [silhouette_score(points, each) for each in labelings]
    np.testing.assert_allclose(silhouettes(points, labelings), expected, atol=1e-9)


def test_single_precision_points_far_from_the_origin_lose_nothing() -> None:
    points, labels = make_blobs(200, centers=3, random_state=1)
    far = (points + 1e4).astype(np.float32)
    expected = silhouette_score(far.astype(np.float64) - 1e4, labels)
    assert silhouettes(far, [labels])[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("block_values", [20_000, 1 << 21])
def test_many_points_of_a_plane(
    precision: type, block_values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silhouette, "BLOCK_VALUES", block_values)
    points, labels = make_blobs(3000, centers=4, random_state=3, cluster_std=2)
    points = points.astype(precision)
    assert len(points) >= silhouette.COMPILED
    labelings = [labels, labels // 2, np.arange(3000) % 9, np.minimum(np.arange(3000), 5)]
    expected = [silhouette_score(points.astype(np.float64), each) for each in labelings]
    np.testing.assert_allclose(silhouettes(points, labelings), expected, atol=1e-7)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = make_blobs(5000, centers=5, random_state=4)
    found = set()
    for workers in (1, 2, 3):
        monkeypatch.setattr(products, "_workers", lambda workers=workers: workers)
        found.add(tuple(silhouettes(points, [labels, labels % 2])))
    assert len(found) == 1


def test_alone_in_a_cluster_counts_as_zero() -> None:
    points = np.array([[0.0], [1.0], [10.0]])
    expected = ((10 - 1) / 10 + (9 - 1) / 9 + 0) / 3
    assert silhouettes(points, [[0, 0, 1]]) == [pytest.approx(expected)]


def test_all_points_on_one_spot_have_silhouette_zero() -> None:
    assert silhouettes(np.ones((6, 2)), [[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]) == [0.0, 0.0]


def test_no_labelings_no_silhouettes() -> None:
    assert silhouettes(np.zeros((5, 2)), []) == []


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0, 0, 0], "from 2 to 3 clusters.* has 1"),
        ([0, 1, 2, 3], "from 2 to 3 clusters.* has 4"),
        ([0, 1], "needs 4 labels"),
    ],
)
def test_labelings_that_have_no_silhouette_are_refused(labels: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        silhouettes(np.zeros((4, 2)), [labels])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_points_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite points"):
        silhouettes(np.array([[0.0], [1.0], [bad]]), [[0, 0, 1]])


def test_memory_does_not_hold_all_pairs() -> None:
    points = np.random.default_rng(0).standard_normal((5000, 2))
    tracemalloc.start()
    silhouettes(points, [np.arange(5000) % k for k in range(2, 10)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6  # all pairs are 200 MB
