"""Intervals of means over seeds and folds: against theory, and against data drawn anew."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from benchmarks.intervals import corrected_t, differences, naive, truth, widened
from rebalance import seeds
from rebalance.studies.intervals import LEVEL, Interval, at_once, interval


def rng() -> np.random.Generator:
    return seeds.generator(0, "test")


def test_without_overlap_it_is_nearly_student_s() -> None:
    values = np.random.default_rng(1).normal(3, 2, 40)
    low, high = interval(values, 0.0, rng()) or (0, 0)
    expected = t.interval(0.95, 39, values.mean(), values.std(ddof=1) / np.sqrt(40))
    assert (low, high) == pytest.approx(expected, abs=0.05)


@given(count=st.integers(2, 30), folds=st.integers(2, 10), seed=st.integers(0, 100))
def test_values_without_skew_give_the_corrected_resampled_t(
    count: int, folds: int, seed: int
) -> None:
    half = np.random.default_rng(seed).normal(size=count)
    values = np.concatenate([half, -half]) + 5  # symmetrical about 5
    low, high = interval(values, 1 / (folds - 1), rng()) or (0, 0)
    expected = corrected_t(values, 1 / (folds - 1), rng())
    assert high - low == pytest.approx(expected[1] - expected[0], rel=0.15)
    assert (low + high) / 2 == pytest.approx(5, abs=0.1 * (high - low))


def test_more_overlap_is_wider_and_more_pairs_are_narrower() -> None:
    values = np.random.default_rng(2).normal(size=12)

    def width(values: np.ndarray, correction: float = 0.25) -> float:
        found = interval(values, correction, rng())
        assert found is not None
        assert found.low < values.mean() < found.high
        return found.high - found.low

    assert width(values, 0) < width(values, 0.25) < width(values, 1)
    assert width(np.tile(values, 4)) < width(values)


@given(comparisons=st.integers(1, 40), count=st.integers(2, 30))
def test_all_at_once_is_the_t_interval_of_bonferroni_s_level(comparisons: int, count: int) -> None:
    values = np.random.default_rng(count).normal(4, 1, count)
    error = values.std(ddof=1)
    alone = Interval(*t.interval(LEVEL, count - 1, values.mean(), error))
    level = 1 - (1 - LEVEL) / comparisons
    expected = t.interval(level, count - 1, values.mean(), error)
    assert tuple(at_once(alone, values, comparisons)) == pytest.approx(expected)


def test_a_skewed_sample_has_a_skewed_interval() -> None:
    values = np.array([0.0] * 9 + [1.0])
    found = interval(values, 0.25, rng())
    assert found is not None
    assert found.high - values.mean() > 1.5 * (values.mean() - found.low)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5], [0.1 + 0.2, 0.3], [0.0, 0.0, 0.0]])
def test_no_spread_no_interval(values: list[float]) -> None:
    assert interval(values, 0.25, rng()) is None


def test_the_same_stream_gives_the_same_interval_and_moving_moves_it() -> None:
    values = np.random.default_rng(3).normal(size=9)
    one, two = interval(values, 0.5, rng()), interval(values + 10, 0.5, rng())
    assert one == interval(values, 0.5, rng())
    assert one is not None
    assert two is not None
    assert np.array(two) - 10 == pytest.approx(np.array(one))


def test_it_holds_the_true_difference_where_a_plain_bootstrap_does_not() -> None:
    """The benchmark in small: 3 seeds of 5 folds on data sets drawn anew."""
    draws, folds, priors = np.random.default_rng(0), 5, (1.0, 0.0)
    expected = truth(folds, priors, draws, times=1500)[0]
    studies = [differences(draws, 3, folds, folds, priors)[:, :, 0] for _ in range(120)]
    held = {widened: 0, naive: 0}
    for method in held:
        for each in studies:
            low, high = method(each[..., 1] - each[..., 0], 1 / (folds - 1), draws)
            held[method] += low <= expected <= high
    assert held[widened] >= 0.93 * len(studies)
    assert held[naive] <= 0.85 * len(studies)
