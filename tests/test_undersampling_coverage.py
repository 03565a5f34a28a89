"""Coverage picks and the cover figure: slow loops, scikit-learn, and a class with a rare group."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rebalance.appraisal import cover as cover_module
from rebalance.appraisal.cover import Cover, compare_with_random, cover
from rebalance.errors import FeatureError
from rebalance.numerics.comparison import embed
from rebalance.undersampling import coverage as coverage_module
from rebalance.undersampling.coverage import (
    coverage,
    coverage_typical,
    spread,
    spread_in_parts,
    typical_distance,
    typical_in_parts,
)

RNG = np.random.default_rng

SIZES = (400, 60, 12)


def groups() -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Three groups of very different sizes in 20 dimensions, and the group of each sample."""
    rng = RNG(3)
    truth = np.repeat(np.arange(3), SIZES)
    centres = rng.normal(size=(3, 20)) * 2
    return (centres[truth] + rng.normal(size=(len(truth), 20))).astype(np.float32) + 5, truth


def slow_cover(points: NDArray[Any], kept: list[int]) -> Cover:
    nearest, load = [], dict.fromkeys(kept, 0)
    for i, point in enumerate(points):
        gaps = [0.0 if i == j else float(np.linalg.norm(point - points[j])) for j in kept]
        server = i if i in load else kept[int(np.argmin(gaps))]
        load[server] += 1
        if i not in load:
            nearest.append(min(gaps))
    shares = np.array([count for count in load.values() if count]) / len(points)
    balance = -sum(shares * np.log(shares)) / np.log(len(kept)) if len(kept) > 1 else 1.0
    return Cover(max(nearest), float(np.mean(nearest)), balance)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("block", [1, 64, 1 << 22])
def test_cover_equals_a_slow_loop(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cover_module, "BLOCK_VALUES", block)
    rng = RNG(seed)
    points = rng.normal(size=(40, 3)) + 100
    kept = rng.choice(40, 1 + seed, replace=False)
    ours, slow = cover(points, kept), slow_cover(points, kept.tolist())
    np.testing.assert_allclose(
        (ours.farthest, ours.mean, ours.balance), (slow.farthest, slow.mean, slow.balance)
    )


def test_cover_by_hand() -> None:
    points = np.array([[0.0], [1.0], [4.0], [10.0]])
    found = cover(points, np.array([0, 3]))
    assert (found.farthest, found.mean) == (4.0, 2.5)
    assert found.balance == pytest.approx(-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)))


def test_nothing_left_out_is_covered_at_distance_0() -> None:
    assert cover(RNG(0).normal(size=(5, 2)), np.arange(5)) == Cover(0.0, 0.0, 1.0)


def test_comparison_with_copies_has_no_ratio() -> None:
    compared = compare_with_random(np.ones((6, 2)), np.array([1, 4]), RNG(0))
    assert compared.mean_closer is None
    assert compared.farthest_closer is None


def test_a_group_that_random_picks_can_miss_makes_ours_infinitely_closer() -> None:
    points = np.repeat([[0.0], [9.0]], (9, 1), axis=0)
    compared = compare_with_random(points, np.array([0, 9]), RNG(0))
    assert compared.kept.farthest == 0
    assert compared.farthest_closer == np.inf


def test_random_side_is_the_average_of_the_draws() -> None:
    points = RNG(5).normal(size=(30, 2))
    compared = compare_with_random(points, np.array([1, 2, 3]), RNG(9), draws=4)
    rng = RNG(9)
    means = [cover(points, rng.choice(30, 3, replace=False)).mean for _ in range(4)]
    assert compared.random.mean == pytest.approx(np.mean(means))
    assert compared.mean_closer == pytest.approx(np.mean(means) / compared.kept.mean)


@pytest.mark.parametrize("kept", [[], [1, 1], [-1], [5]])
def test_kept_that_cannot_be_are_refused(kept: list[int]) -> None:
    with pytest.raises(ValueError, match="kept"):
        cover(np.zeros((5, 2)), np.array(kept, int))


def test_cover_refuses_what_is_not_finite_and_no_draws() -> None:
    with pytest.raises(FeatureError, match="finite"):
        cover(np.array([[0.0], [np.nan]]), np.array([0]))
    with pytest.raises(ValueError, match="at least 1 random draw"):
        compare_with_random(np.zeros((3, 1)), np.array([0]), RNG(0), draws=0)


def test_rare_groups_get_far_more_than_their_random_share() -> None:
    features, truth = groups()
    kept = np.array(
        [np.bincount(truth[coverage(features, 24, RNG(s))], minlength=3) for s in range(4)]
    )
    by_chance = 24 * np.array(SIZES) / sum(SIZES)
    assert (kept > 0).all()
    assert (kept.mean(axis=0)[1:] > 2 * by_chance[1:]).all()


def test_the_farthest_left_out_lies_closer_than_after_random_picks() -> None:
    features, _ = groups()
    for seed in range(4):
        kept = coverage(features, 24, RNG(seed))
        assert (compare_with_random(embed(features), kept, RNG(1)).farthest_closer or 0) > 1


@pytest.mark.parametrize("keep", [coverage, coverage_typical])
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.data())
def test_any_number_is_kept_exactly(
    keep: Any, samples: int, columns: int, data: st.DataObject
) -> None:
    wanted = data.draw(st.integers(1, samples))
    # Few distinct values: copies, constant columns and empty regions are common.
    features = RNG(data.draw(st.integers(0, 99))).integers(0, 3, (samples, columns)) * 1.0
    before = features.copy()
    kept = keep(features, wanted, RNG(1))
    assert kept.dtype.kind == "i"
    assert len(kept) == wanted
    assert (np.diff(kept) > 0).all()
    assert kept[0] >= 0
    assert kept[-1] < samples
    np.testing.assert_array_equal(features, before)
    np.testing.assert_array_equal(kept, keep(features, wanted, RNG(1)))


def slow_spread(points: NDArray[Any], wanted: int, scale: float) -> list[int]:
    """Whatever makes the determinant of the covariance with its noise largest, one by one."""
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    noisy = np.exp(-gaps / scale) + coverage_module.NOISE * np.eye(len(points))
    kept: list[int] = []
    for _ in range(wanted):
        rest = [i for i in range(len(points)) if i not in kept]
        gains = [np.linalg.slogdet(noisy[np.ix_([*kept, i], [*kept, i])])[1] for i in rest]
        kept.append(rest[int(np.argmax(np.round(gains, 9)))])
    return kept


@pytest.mark.parametrize("seed", range(6))
def test_spread_equals_a_slow_loop(seed: int) -> None:
    points = RNG(seed).normal(size=(30, 3)).astype(np.float32)
    scale = [2, 5, 20][seed % 3]
    assert spread(points, 12, scale).tolist() == slow_spread(points.astype(float), 12, scale)


def test_spread_takes_every_place_before_a_copy_and_copies_before_nothing() -> None:
    places = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]], np.float32)
    points = np.repeat(places, (10, 2, 1), axis=0)
    kept = spread(points, 13, 1.0)
    assert sorted(kept[:3].tolist()) == [0, 10, 12]
    assert sorted(kept.tolist()) == list(range(13))


@pytest.mark.parametrize("values", [500, 1 << 22], ids=["blocks", "at once"])
def test_typical_samples_equal_a_slow_loop(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points = RNG(5).normal(size=(200, 4)).astype(np.float32)
    around = spread_in_parts(points, 15, RNG(1))
    monkeypatch.setattr(coverage_module, "_parts", lambda available, wanted: 1)
    monkeypatch.setattr(coverage_module, "PART_VALUES", values)
    nearest = [int(np.linalg.norm(points[around] - point, axis=1).argmin()) for point in points]
    expected = []
    for region in range(15):
        members = [i for i in range(200) if nearest[i] == region]
        mean = points[members].astype(float).mean(axis=0)
        expected.append(min(members, key=lambda i: float(np.linalg.norm(points[i] - mean))))
    assert typical_in_parts(points, 15, RNG(1)).tolist() == sorted(expected)


def test_typical_samples_lie_closer_to_what_is_left_out() -> None:
    features, _ = groups()
    for seed in range(4):
        found = [
            compare_with_random(embed(features), keep(features, 24, RNG(seed)), RNG(1)).mean_closer
            for keep in (coverage, coverage_typical)
        ]
        assert (found[1] or 0) > (found[0] or 0)


def test_typical_distance_is_the_median_of_all_pairs() -> None:
    points = RNG(0).normal(size=(300, 4)).astype(np.float32)
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(300, 1)]
    assert typical_distance(points, RNG(1)) == pytest.approx(np.median(gaps), rel=0.02)
    assert typical_distance(np.ones((5, 2), np.float32), RNG(1)) == 1.0


@pytest.mark.parametrize(("picks", "values"), [(5, 1 << 22), (256, 1000), (1, 1)])
def test_classes_dealt_into_parts_keep_the_rare_too(
    picks: int, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage_module, "PER_PART", picks)
    monkeypatch.setattr(coverage_module, "PART_VALUES", values)
    features, truth = groups()
    kept = coverage(features, 23, RNG(0))
    assert len(np.unique(kept)) == 23
    if picks > 1:
        by_chance = 23 * np.array(SIZES) / sum(SIZES)
        assert (np.bincount(truth[kept], minlength=3)[1:] > by_chance[1:]).all()


def test_number_of_threads_does_not_matter() -> None:
    points = RNG(4).normal(size=(3000, 40)) ** 2
    with threadpool_limits(1):
        alone = coverage(points, 600, RNG(0))
    with threadpool_limits(2):
        np.testing.assert_array_equal(alone, coverage(points, 600, RNG(0)))


def test_scale_of_the_features_does_not_matter() -> None:
    features, _ = groups()
    ours, scaled = coverage(features, 20, RNG(0)), coverage(features * 4, 20, RNG(0))
    np.testing.assert_array_equal(ours, scaled)


def test_constant_columns_do_not_matter() -> None:
    features, _ = groups()
    with_constant = np.hstack((features, np.full((len(features), 1), 7.0, np.float32)))
    np.testing.assert_allclose(embed(with_constant).shape, embed(features).shape)


@pytest.mark.parametrize("wanted", [0, -1, 4])
def test_numbers_that_cannot_be_kept_are_refused(wanted: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 3 samples"):
        coverage(np.zeros((3, 2)), wanted, RNG(0))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(FeatureError, match="must be finite"):
        coverage(np.array([[1.0], [value], [2.0]]), 2, RNG(0))
