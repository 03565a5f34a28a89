"""Thresholds against slow loops, in exact fractions where ties matter."""

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from rebalance.errors import MetricError
from rebalance.scoring import (
    THRESHOLDS,
    check_cost,
    cost_decision,
    cost_threshold,
    effective_prior,
    prior_shift,
)

ROWS = [[0.5, 0.5, 0.0], [0.2, 0.2, 0.6], [0.1, 0.7, 0.2]]

# Quarters and small whole costs: every sum is exact, and ties are common.
quarters_and_cost = st.integers(2, 5).flatmap(
    lambda classes: st.tuples(
        st.lists(
            st.lists(st.integers(0, 4), min_size=classes, max_size=classes).filter(any),
            min_size=1,
            max_size=6,
        ),
        st.lists(st.integers(1, 4), min_size=classes**2, max_size=classes**2),
    )
)


@given(quarters_and_cost)
def test_cost_decision_equals_a_slow_loop(case: tuple[list[list[int]], list[int]]) -> None:
    rows, numbers = case
    classes = len(rows[0])
    cost = [
        [0 if i == j else numbers[i * classes + j] for j in range(classes)] for i in range(classes)
    ]
    expected = []
    for row in rows:
        costs = [sum(Fraction(c) * p for c, p in zip(line, row, strict=True)) for line in cost]
        expected.append(min(range(classes), key=lambda i: (costs[i], i)))
    assert cost_decision(np.array(rows) / 4, cost).tolist() == expected


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=7, max_size=7).filter(any), min_size=1, max_size=9)
)
def test_where_all_mistakes_cost_the_same_the_largest_probability_decides(
    rows: list[list[float]],
) -> None:
    cost = 0.1 * (1 - np.eye(7))
    assert cost_decision(rows, cost).tolist() == THRESHOLDS["none"](rows).predicted.tolist()


def test_a_class_dear_to_miss_is_decided_on_sooner() -> None:
    missing_1_costs_nine = [[0, 9], [1, 0]]
    assert cost_threshold(missing_1_costs_nine) == 0.1
    assert cost_decision([[0.89, 0.11], [0.91, 0.09]], missing_1_costs_nine).tolist() == [1, 0]


@given(st.floats(0, 1), st.integers(1, 20), st.integers(1, 20))
def test_two_classes_decide_by_the_cost_threshold(p1: float, c10: int, c01: int) -> None:
    threshold = cost_threshold([[0, c01], [c10, 0]])
    decided = cost_decision([[1 - p1, p1]], [[0, c01], [c10, 0]])[0]
    if abs(p1 - threshold) > 1e-9:
        assert decided == int(p1 > threshold)


def test_exactly_on_the_threshold_the_lower_class_is_decided_on() -> None:
    assert cost_threshold([[0, 3], [1, 0]]) == 0.25
    assert cost_decision([[0.75, 0.25]], [[0, 3], [1, 0]]).tolist() == [0]


def test_prior_shift_equals_a_slow_loop() -> None:
    train, target = [0.7, 0.2, 0.1], [0.2, 0.3, 0.5]
    for row, shifted in zip(ROWS, prior_shift(ROWS, train, target), strict=True):
        raw = [p * t / s for p, t, s in zip(row, target, train, strict=True)]
        np.testing.assert_allclose(shifted, [value / sum(raw) for value in raw], rtol=1e-12)


def test_priors_may_be_counts() -> None:
    np.testing.assert_allclose(
        prior_shift(ROWS, [700, 200, 100], [2, 3, 5]),
        prior_shift(ROWS, [0.7, 0.2, 0.1], [0.2, 0.3, 0.5]),
    )


def test_the_same_prior_changes_nothing_but_the_scale() -> None:
    shifted = prior_shift(np.array(ROWS) * 3, [5, 3, 2], [5, 3, 2])
    np.testing.assert_allclose(shifted, ROWS, rtol=1e-12)


def test_shifting_there_and_back_changes_nothing() -> None:
    there = prior_shift(ROWS, [5, 3, 2], [1, 1, 1])
    np.testing.assert_allclose(prior_shift(there, [1, 1, 1], [5, 3, 2]), ROWS, atol=1e-12)


def test_prior_shift_finds_the_optimum_of_the_other_prior() -> None:
    """A classifier of two overlapping normals, trained nine to one, decides at zero again."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [9000, 1000])
    x = rng.normal(np.where(labels == 1, 1.0, -1.0))[:, None]
    model = LogisticRegression(C=1e6).fit(x, labels)
    grid = np.linspace(-2, 2, 401)[:, None]
    decided = THRESHOLDS["prior"](
        model.predict_proba(grid), train_prior=[9, 1], target_prior=[1, 1]
    ).predicted
    assert grid[np.argmax(decided), 0] == pytest.approx(0, abs=0.1)
    assert grid[np.argmax(model.predict(grid)), 0] > 0.8


def test_effective_prior_counts_draws_and_weights() -> None:
    assert effective_prior([900, 100], [1, 1]).tolist() == [0.9, 0.1]
    np.testing.assert_allclose(effective_prior([900, 100], [1 / 9, 1]), [0.5, 0.5])
    np.testing.assert_allclose(effective_prior([1, 1, 1], [1, 2, 1]), [0.25, 0.5, 0.25])


OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "prior": {"train_prior": [5, 3, 2], "target_prior": [1, 1, 1]},
    "prior:original": {"train_prior": [5, 3, 2], "target_prior": [1, 1, 1]},
    "cost": {"matrix": [[0, 1, 2], [3, 0, 1], [1, 1, 0]]},
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_every_threshold_keeps_its_contract(name: str) -> None:
    stored = json.loads(json.dumps(OPTIONS[name]))
    given_rows = np.array(ROWS)
    decision = THRESHOLDS[name](given_rows, **stored)
    assert decision.probabilities.shape == (3, 3)
    np.testing.assert_allclose(decision.probabilities.sum(axis=1), 1)
    assert decision.predicted.shape == (3,)
    assert decision.predicted.dtype.kind == "i"
    assert given_rows.tolist() == ROWS
    with pytest.raises(MetricError, match="row 1"):
        THRESHOLDS[name]([[1, 0, 0], [np.nan, 1, 0]], **stored)


def test_none_gives_a_tie_to_the_lower_class() -> None:
    assert THRESHOLDS["none"](ROWS).predicted.tolist() == [0, 2, 1]


def test_prior_decides_by_the_shifted_probabilities() -> None:
    decision = THRESHOLDS["prior"]([[0.6, 0.4]], [4, 1], [1, 1])
    np.testing.assert_allclose(decision.probabilities, [[0.15 / 0.55, 0.4 / 0.55]])
    assert decision.predicted.tolist() == [1]


def test_cost_leaves_the_probabilities() -> None:
    decision = THRESHOLDS["cost"]([[0.6, 0.4]], [[0, 9], [1, 0]])
    assert decision.probabilities.tolist() == [[0.6, 0.4]]
    assert decision.predicted.tolist() == [1]


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ([[0, 1]], r"2 rows .* has the shape \(1, 2\)"),
        (np.ones((3, 3)) - np.eye(3), r"has the shape \(3, 3\)"),
        ([[0, -1], [1, 0]], "finite costs from 0 up"),
        ([[0, np.nan], [1, 0]], "finite costs from 0 up"),
        ([[0, np.inf], [1, 0]], "finite costs from 0 up"),
        ([[0, 1], [1, 0.5]], "right about class 1 costs 0.5"),
        ([[0, 0], [1, 0]], "mistakes about class 1 cost nothing"),
    ],
)
def test_cost_matrices_that_cannot_be_are_refused(cost: Any, message: str) -> None:
    for function in (cost_threshold, lambda matrix: check_cost(matrix, 2)):
        with pytest.raises(MetricError, match=message):
            function(cost)
    with pytest.raises(MetricError, match=message):
        cost_decision([[0.5, 0.5]], cost)


@pytest.mark.parametrize(
    ("train", "target", "message"),
    [
        ([1, 0], [1, 1], "training prior must be positive .* is 0 for class 1"),
        ([1, 1], [np.nan, 1], "target prior must be positive .* is nan for class 0"),
        ([1, 1], [1, np.inf], "target prior must be positive .* is inf for class 1"),
        ([1, 1, 1], [1, 1], r"training prior .* each of 2 classes, but has the shape \(3,\)"),
        ([1, 1], 1, r"target prior .* but has the shape \(\)"),
    ],
)
def test_priors_that_cannot_be_are_refused(train: Any, target: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        prior_shift([[0.5, 0.5]], train, target)


@pytest.mark.parametrize(
    ("draws", "weights", "message"),
    [
        ([3, 0], [1, 1], "number of draws .* is 0 for class 1"),
        ([3, 1], [1, -1], "loss weight .* is -1 for class 1"),
        ([3, 1], [1], r"loss weight .* each of 2 classes"),
    ],
)
def test_what_makes_no_prior_is_refused(draws: Any, weights: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        effective_prior(draws, weights)
