"""Exact neighbours against a brute force search in float64 and scikit-learn; approximate ones."""

import logging
import tracemalloc
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import make_blobs
from sklearn.neighbors import NearestNeighbors
from test_appraisal_suspects import NAMES, planted

from rebalance.appraisal.suspects import suspects
from rebalance.errors import FeatureError, SettingError
from rebalance.neighbours import (
    approximate,
    distances,
    exact,
    kernels,
    nearest,
    nearest_approximately,
    nearest_of_others,
    outside,
    points,
    search_among,
    tiles,
)
from rebalance.neighbours.points import Points, as_points
from rebalance.neighbours.tiles import ProcessorTiles, Shortlist, Tiles, TorchTiles

pytestmark = pytest.mark.together  # the first approximate search compiles for long


def brute_force(
    features: NDArray[Any], count: int, queries: Iterable[int] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All distances by float64 differences, the sample left out; ties by position."""
    values = np.array(features, dtype=np.float64, order="C")
    rows = range(len(values)) if queries is None else queries
    indices, nearby = [], []
    for row in rows:
        to_all = np.sqrt(((values - values[row]) ** 2).sum(axis=1))
        order = [i for i in np.argsort(to_all, kind="stable") if i != row][:count]
        indices.append(order)
        nearby.append(to_all[order])
    return (
        np.array(indices, np.int64).reshape(-1, count),
        np.array(nearby).reshape(-1, count),
    )


def assert_exact(features: NDArray[Any], count: int, queries: Any = None) -> None:
    found = nearest(features, count, queries)
    expected = brute_force(features, count, queries)
    np.testing.assert_array_equal(found.indices, expected[0])
    np.testing.assert_array_equal(found.distances, expected[1])
    assert found.indices.dtype == np.int64
    assert found.distances.dtype == np.float64


def clustered(samples: int, columns: int, seed: int = 0) -> NDArray[np.float32]:
    """Non-negative features in clusters, as a network's pooled ones are."""
    blobs, _ = make_blobs(samples, columns, centers=5, cluster_std=3.0, random_state=seed)
    return np.maximum(blobs, 0).astype(np.float32)


@pytest.fixture(params=["numpy", "compiled", "torch"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """All ways to multiply and search; torch's runs on the processor, as it would on a device."""
    if request.param == "compiled":
        monkeypatch.setattr(tiles, "COMPILED", 0)
    elif request.param == "torch":
        monkeypatch.setattr(exact, "tiles_on", lambda device, points: TorchTiles(points, device))
    return str(request.param)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tiles, strips, sums and blocks, none of which divides another."""
    monkeypatch.setattr(ProcessorTiles, "side", 7)
    monkeypatch.setattr(TorchTiles, "side", 7)
    monkeypatch.setattr(tiles, "STRIP", 3)
    monkeypatch.setattr(tiles, "DEPTH", 2)
    monkeypatch.setattr(points, "DEPTH", 2)
    monkeypatch.setattr(points, "BLOCK_VALUES", 11)
    monkeypatch.setattr(exact, "BLOCK_VALUES", 11)
    monkeypatch.setattr(distances, "BLOCK_VALUES", 11)
    monkeypatch.setattr(distances, "ROWS_AT_ONCE", 2)


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[Any], int, list[int] | None]:
    """Points on a coarse grid, so that duplicates and ties are common; a count; queries."""
    samples, columns = draw(st.integers(2, 40)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    width = draw(st.sampled_from([1, 2, 4, 1000]))
    values = rng.integers(0, width, (samples, columns)) + draw(st.sampled_from([0.0, 0.1, 1e4]))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    # The smallest lose their squares to underflow: all distances are then 0.
    scale = draw(st.sampled_from([1e-30, 1e-3, 1.0, 1e6, 1e30]))
    if dtype == np.float64:
        scale = draw(st.sampled_from([scale, 1e-170, 1e140]))
    queries = draw(st.none() | st.lists(st.integers(0, samples - 1), max_size=2 * samples))
    return (values * scale).astype(dtype), draw(st.integers(1, samples - 1)), queries


@settings(max_examples=200, deadline=None)
@given(tables())
def test_equals_brute_force(data: tuple[NDArray[Any], int, list[int] | None]) -> None:
    assert_exact(*data)


def test_wide_features_have_longer_shortlists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "NARROW", 4)
    assert_exact(clustered(60, 9), 3)


@pytest.mark.parametrize("spare", [0, 3, 6])  # 0: lists of the 3 neighbours and no more
@pytest.mark.usefixtures("small_blocks", "route")
def test_neither_blocks_nor_the_length_of_shortlists_show(
    spare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "SPARE", spare)
    rng = np.random.default_rng(1)
    for features in (clustered(60, 9), rng.integers(0, 3, (61, 3)).astype(float)):
        assert_exact(features, 3)
        assert_exact(features, 3, rng.integers(0, 60, 33))


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equals_scikit_learn(dtype: Any) -> None:
    features = clustered(2500, 96).astype(dtype)
    reference = NearestNeighbors(algorithm="brute").fit(features.astype(np.float64))
    expected = reference.kneighbors(n_neighbors=10)
    found = nearest(features, 10)
    np.testing.assert_array_equal(found.indices, expected[1])
    np.testing.assert_allclose(found.distances, expected[0], rtol=1e-6)
    queries = np.arange(2400, 100, -7)
    some = nearest(features, 10, queries)
    np.testing.assert_array_equal(some.indices, found.indices[queries])
    np.testing.assert_array_equal(some.distances, found.distances[queries])


@pytest.mark.gpu
def test_a_gpu_gives_the_same_answer() -> None:
    features = clustered(9000, 300)
    on_gpu, on_cpu = nearest(features, 10, device="cuda"), nearest(features, 10)
    np.testing.assert_array_equal(on_gpu.indices, on_cpu.indices)
    np.testing.assert_array_equal(on_gpu.distances, on_cpu.distances)


def test_a_sample_is_left_out_by_its_position_and_its_duplicate_is_not() -> None:
    features = np.array([[0.0], [5.0], [0.0], [6.0], [0.0]])
    found = nearest(features, 2)
    assert found.indices.tolist() == [[2, 4], [3, 0], [0, 4], [1, 0], [0, 2]]
    assert found.distances.tolist() == [[0, 0], [1, 5], [0, 0], [1, 6], [0, 0]]


@pytest.mark.usefixtures("route")
def test_a_crowd_of_duplicates_is_no_reason_to_look_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rebalance")
    features = clustered(900, 20)
    features[100:700] = features[800]
    assert_exact(features, 4)
    assert_exact(features, 4, [650, 5, 650, 101, 899, 800])
    assert not caplog.records


def test_a_crowd_whose_distances_to_others_underflow() -> None:
    features = np.array([0.0, *[1e-170] * 5, 0.0])[:, None]
    assert_exact(features, 2)
    assert_exact(features, 2, [5, 0])


def test_all_samples_identical() -> None:
    assert_exact(np.full((50, 3), 0.1, np.float32), 5)
    assert_exact(np.zeros((7, 3)), 6, [6, 0])
    assert_exact(np.zeros((4, 0)), 2)


@pytest.mark.usefixtures("route")
def test_ties_that_float32_cannot_tell_apart_are_looked_at_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "rebalance")
    rng = np.random.default_rng(0)
    features = np.where(np.arange(300) % 2, 1000.0, -1000.0)[:, None] + rng.uniform(
        0, 1e-6, (300, 3)
    )
    assert_exact(features, 5)
    assert "300 of 300 samples" in caplog.text


@pytest.mark.usefixtures("route")
def test_samples_equally_far_are_taken_in_order() -> None:
    corners = np.eye(120, dtype=np.float32)  # every two are sqrt(2) apart
    found = nearest(corners, 3)
    assert found.indices[[0, 1, 2, 119]].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert_exact(corners, 3)


@pytest.mark.usefixtures("route")
def test_far_from_the_origin_and_beside_an_outlier() -> None:
    features = clustered(400, 8).astype(np.float64)
    assert_exact(features + 1e7, 5)
    features[17] = 1e9
    assert_exact(features, 5)


def test_an_outlier_does_not_widen_the_bound_for_others(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rebalance")
    features = clustered(1500, 50)
    features[3] *= 300
    assert_exact(features, 5, range(200))
    assert not caplog.records


@pytest.mark.parametrize("make", [ProcessorTiles, lambda points: TorchTiles(points, "cpu")])
@pytest.mark.parametrize("columns", [1, 50, 5000])
@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e15])
def test_approximate_distances_are_within_their_bound(
    make: Any, columns: int, scale: float
) -> None:
    rng = np.random.default_rng(columns)
    features = rng.gamma(0.3, scale, (60, columns))
    features[:20] *= rng.choice([1, 100], (20, 1))
    features[20:30] = features[30:40] * (1 + 1e-8)
    made: Points = as_points(features, np.arange(60))
    engine: Tiles = make(made)
    tile = engine.fetched(engine.distances(slice(0, 60), slice(0, 60))).astype(np.longdouble)
    exactly = (features * made.scale).astype(np.longdouble)
    truth = ((exactly[:, None] - exactly[None]) ** 2).sum(axis=2)
    bound = made.error(made.lengths[:, None] + made.lengths)
    assert (np.abs(tile - truth) <= bound).all()
    assert bound.max() < 1e-3 * (2 * made.lengths.max()) ** 2  # and says something


class WrongTiles(ProcessorTiles):
    """Distances off by nearly as much as the bound allows, each time in another direction."""

    def __init__(self, made: Points) -> None:
        super().__init__(made)
        self.points = made
        self.rng = np.random.default_rng(0)

    def distances(self, rows: Any, columns: slice) -> NDArray[np.float32]:
        tile = super().distances(rows, columns)
        lengths = self.points.lengths
        bound = self.points.error(lengths[rows][:, None] + lengths[columns])
        tile += (0.9 * bound * self.rng.choice([-1, 1], tile.shape)).astype(np.float32)
        return tile


@pytest.mark.parametrize("rounding", [2.0**-7, 2.0**-10, 2.0**-14])
@pytest.mark.parametrize("queries", [None, range(40, 180, 3)])
def test_no_error_within_the_bound_changes_the_answer(
    rounding: float, queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "ROUNDING", rounding)  # as if computed in few bits
    monkeypatch.setattr(exact, "tiles_on", lambda device, made: WrongTiles(made))
    for features in (clustered(200, 5), np.random.default_rng(0).uniform(0, 1, (200, 2))):
        assert_exact(features, 3, queries)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 99))
def test_a_shortlist_keeps_the_smallest_of_what_it_was_offered(
    width: int, offers: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((5, sum(offers) + width)).astype(np.float32)
    found = Shortlist(5, width)
    start = 0
    for columns in (*offers, width):
        part = np.arange(start, start := start + columns)
        found.offer(slice(0, 5), values[:, part], np.broadcast_to(part, (5, columns)))
    np.testing.assert_array_equal(found.values, np.sort(values, axis=1)[:, :width])
    np.testing.assert_array_equal(np.take_along_axis(values, found.positions, axis=1), found.values)


@pytest.mark.parametrize("along", ["rows", "columns"])
@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 12), st.lists(st.integers(1, 200), min_size=1, max_size=4), st.integers(0, 99)
)
def test_a_searched_tile_gives_what_offering_all_of_it_gives(
    along: str, width: int, tiles: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 400, (7, sum(tiles))).astype(np.float32)  # with ties
    values[rng.random(values.shape) < 0.1] = np.inf
    found = Shortlist(7, width)
    start = 0
    for columns in tiles:
        tile = np.ascontiguousarray(values[:, start : start + columns])
        if along == "rows":
            kernels.take_smaller(tile, start, found.values, found.positions)
        else:
            turned = np.ascontiguousarray(tile.T)
            kernels.take_smaller_below(turned, start, found.values, found.positions)
        start += columns
    padded = np.hstack([values, np.full((7, width), np.inf, np.float32)])
    np.testing.assert_array_equal(found.values, np.sort(padded, axis=1)[:, :width])
    taken = np.isfinite(found.values)
    there = np.take_along_axis(values, found.positions, axis=1)
    np.testing.assert_array_equal(there[taken], found.values[taken])
    for row in range(7):
        assert len(set(found.positions[row, taken[row]])) == taken[row].sum()


def test_features_may_lie_anyhow_in_memory_and_stay_as_they_are(tmp_path: Path) -> None:
    features = clustered(300, 33)
    expected = nearest(features, 4)
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    wide = np.zeros((600, 66), np.float32)
    wide[::2, ::2] = features
    frozen = features.copy()
    frozen.flags.writeable = False
    for same in (mapped, np.asfortranarray(features), wide[::2, ::2], frozen):
        found = nearest(same, 4)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.distances, expected.distances)


def test_no_queries_have_no_neighbours() -> None:
    found = nearest(clustered(10, 2), 3, [])
    assert found.indices.shape == found.distances.shape == (0, 3)


@pytest.mark.parametrize("search", [nearest, nearest_approximately])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(search: Any, bad: float) -> None:
    features = clustered(30, 4)
    features[7, 2] = bad
    with pytest.raises(FeatureError, match="must be finite"):
        search(features, 3)


def test_features_too_large_to_be_squared_are_refused() -> None:
    with pytest.raises(FeatureError, match="below 2"):
        nearest(np.array([[1e200], [2e200], [0.0]]), 1)


@pytest.mark.parametrize("search", [nearest, nearest_approximately])
@pytest.mark.parametrize(
    ("samples", "count", "message"),
    [
        (5, 5, "5 neighbours of each sample are needed, but 5 samples have 4"),
        (1, 1, "1 samples have 0"),
        (0, 1, "0 samples have 0"),
    ],
)
def test_more_neighbours_than_other_samples_are_refused(
    search: Any, samples: int, count: int, message: str
) -> None:
    with pytest.raises(FeatureError, match=message):
        search(np.zeros((samples, 2)), count)


@pytest.mark.parametrize("search", [nearest, nearest_approximately])
@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_neighbour_is_refused(search: Any, count: int) -> None:
    with pytest.raises(SettingError, match="from 1 up"):
        search(np.zeros((5, 2)), count)


@pytest.mark.parametrize("queries", [[5], [-1], [[0, 1]], 3])
def test_queries_that_are_not_positions_are_refused(queries: Any) -> None:
    with pytest.raises(ValueError, match="positions in a table of 5"):
        nearest(np.zeros((5, 2)), 1, queries)


@pytest.mark.parametrize("features", [np.zeros((5, 2), int), np.zeros(5), np.zeros((5, 2, 2))])
def test_tables_of_another_kind_are_refused(features: NDArray[Any]) -> None:
    with pytest.raises(FeatureError, match="floating-point"):
        nearest(features, 1)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(SettingError, match="cpu, cuda, mps, not 'auto'"):
        nearest(np.zeros((5, 2)), 1, device="auto")


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("queries", [None, range(20)])
def test_progress_is_told_for_every_block(queries: Any) -> None:
    seen = []

    def watch(items: Iterable[Any], *, total: int, what: str, unit: str) -> Iterable[Any]:
        for item in items:
            seen.append(total)
            yield item

    nearest(clustered(30, 4), 3, queries, progress=watch)
    assert len(seen) == seen[0] == 15  # 5 blocks in pairs, and 3 of queries against 5


def test_memory_does_not_hold_all_pairs() -> None:
    features = clustered(12000, 4)
    tracemalloc.start()
    nearest(features, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6  # all pairs are 576 MB in float32


def test_approximate_neighbours_are_nearly_the_true_ones() -> None:
    features = clustered(3000, 24)
    features[2000:2040] = features[:40]
    found = nearest_approximately(features, 10, seed=1)
    true = nearest(features, 10).distances
    assert np.mean(found.distances <= true * (1 + 1e-12)) > 0.95
    assert not (found.indices == np.arange(3000)[:, None]).any()
    assert all(len(set(row)) == 10 for row in found.indices.tolist())
    assert (np.diff(found.distances) >= 0).all()
    there = np.linalg.norm(features[:, None].astype(float) - features[found.indices], axis=2)
    np.testing.assert_allclose(found.distances, there, rtol=1e-12)
    again = nearest_approximately(features, 10, [2999, 4, 4], seed=1)
    np.testing.assert_array_equal(again.indices, found.indices[[2999, 4, 4]])
    np.testing.assert_array_equal(again.distances, found.distances[[2999, 4, 4]])


def test_suspects_are_the_same_by_approximate_neighbours() -> None:
    """Here, since the first approximate search of a process compiles for long."""
    points, labels = planted()
    found = suspects(points, labels, NAMES, partial(nearest_approximately, seed=3))
    assert found == suspects(points, labels, NAMES, nearest)


@pytest.mark.parametrize("samples", [2, 5, 40])
def test_approximate_neighbours_of_few_samples_are_complete(samples: int) -> None:
    features = np.random.default_rng(0).integers(0, 3, (samples, 3)).astype(np.float32)
    found = nearest_approximately(features, samples - 1)
    expected = brute_force(features, samples - 1)
    np.testing.assert_array_equal(found.indices, expected[0])
    np.testing.assert_array_equal(found.distances, expected[1])


def test_too_many_samples_for_the_exact_search_are_searched_approximately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = clustered(300, 20)
    exactly = search_among(300, device="cpu", seed=3)(features, 5)
    np.testing.assert_array_equal(exactly.indices, nearest(features, 5).indices)
    monkeypatch.setattr(approximate, "EXACT_LIMIT", 299)
    nearly = search_among(300, device="cpu", seed=3)(features, 5)
    np.testing.assert_array_equal(
        nearly.indices, nearest_approximately(features, 5, seed=3).indices
    )


@pytest.mark.parametrize("at_once", [3, 256])
def test_neighbours_of_other_points_are_those_of_a_slow_loop(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(outside, "AT_ONCE", at_once)
    rng = np.random.default_rng(4)
    features = rng.integers(0, 4, (30, 2)).astype(np.float32)  # many ties
    # The others lie nearer to each other than to any of them, and some are where one is.
    others = np.concatenate([np.full((7, 2), 1.5), features[:4]]).astype(np.float32)
    found = nearest_of_others(features, others, 5)
    for row, point in enumerate(others.astype(np.float64)):
        far = np.sqrt(((features - point) ** 2).sum(axis=1))
        order = np.argsort(far, kind="stable")[:5]
        np.testing.assert_array_equal(found.indices[row], order)
        np.testing.assert_array_equal(found.distances[row], far[order])
    assert nearest_of_others(features[:2], others, 5).indices.shape == (11, 2)
    assert nearest_of_others(features, others[:0], 5).indices.shape == (0, 5)
