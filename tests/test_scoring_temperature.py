"""The temperature of probabilities: against a softmax, a slow search, and what drew the labels."""

import numpy as np
import pytest
from scipy.special import softmax

from rebalance.errors import MetricError
from rebalance.metrics import METRICS, as_predictions
from rebalance.scoring import fit_temperature, prior_shift, tempered
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import DecisionRule

RNG = np.random.default_rng(0)
LOGITS = RNG.normal([1.0, 0.0, -1.0], 4, (3000, 3))
# Two and a half times as sure as what the labels are drawn by.
LABELS = np.array([RNG.choice(3, p=row) for row in softmax(LOGITS / 2.5, axis=1)])
SAID = softmax(LOGITS, axis=1)
SHIFT = {"train_prior": [0.7, 0.2, 0.1], "target_prior": [1 / 3] * 3}


def slow_log_loss(probabilities, labels, weights, temperature):
    """Image by image."""
    total = 0.0
    for row, label, weight in zip(probabilities, labels, weights, strict=True):
        powers = [value ** (1 / temperature) for value in row]
        total -= weight * np.log(powers[label] / sum(powers))
    return total / sum(weights)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 3.0])
def test_it_is_the_softmax_of_logits_over_the_temperature(temperature):
    expected = softmax(LOGITS / temperature, axis=1)
    np.testing.assert_allclose(tempered(SAID, temperature), expected, rtol=1e-6, atol=1e-300)
    np.testing.assert_allclose(tempered(7 * SAID, temperature), expected, rtol=1e-6, atol=1e-300)
    assert tempered([[1.0, 0.0]], temperature).tolist() == [[1.0, 0.0]]


def test_what_drew_the_labels_is_found_and_calibrates():
    found = fit_temperature(SAID, LABELS, tau=0)
    assert found == pytest.approx(2.5, rel=0.06)
    before, after = (as_predictions(LABELS, each, "abc") for each in (SAID, tempered(SAID, found)))
    assert METRICS["ece"](before) > 0.1 > 4 * METRICS["ece"](after)
    assert METRICS["accuracy"](before) == METRICS["accuracy"](after)


@pytest.mark.parametrize("tau", [0, 0.5, 1])
def test_it_has_the_smallest_log_loss_of_a_slow_search(tau):
    said, labels = SAID[:60], LABELS[:60]
    sizes = [list(labels).count(label) for label in labels]
    weights = [size**-tau for size in sizes]
    grid = np.exp(np.linspace(np.log(0.5), np.log(8), 120))
    slow = grid[np.argmin([slow_log_loss(said, labels, weights, each) for each in grid])]
    assert fit_temperature(said, labels, tau=tau) == pytest.approx(slow, rel=0.025)


def test_classes_that_count_alike_are_those_of_images_repeated_to_one_size():
    own = np.r_[np.flatnonzero(LABELS == 0)[:60], np.flatnonzero(LABELS == 2)[:20]]
    repeated = np.r_[own[:60], np.repeat(own[60:], 3)]
    found = fit_temperature(SAID[own], LABELS[own], tau=1)
    assert found == pytest.approx(fit_temperature(SAID[repeated], LABELS[repeated], tau=0))
    assert found != pytest.approx(fit_temperature(SAID[own], LABELS[own], tau=0), rel=1e-3)


def test_certain_and_right_stays_finite():
    assert 0.05 <= fit_temperature(np.eye(2), [0, 1], tau=0) <= 20
    with pytest.raises(MetricError):
        fit_temperature(SAID, LABELS[:-1], tau=0)


def test_it_comes_after_the_prior_and_changes_no_decision():
    outputs = Outputs(SAID, np.zeros((len(SAID), 1), np.float32))
    plain = DecisionRule("prior", SHIFT)
    rule = plain.calibrated(outputs, LABELS.tolist())
    shifted = prior_shift(SAID, **SHIFT)
    assert rule.temperature == fit_temperature(shifted, LABELS, tau=1)
    decided = rule.decide(outputs)
    assert np.array_equal(decided.predicted, plain.decide(outputs).predicted)
    np.testing.assert_allclose(decided.probabilities, tempered(shifted, rule.temperature))
    other_order = prior_shift(tempered(SAID, rule.temperature), **SHIFT)
    assert (other_order.argmax(axis=1) != decided.predicted).any()


def test_a_power_of_the_prior_counts_classes_by_that_power():
    outputs = Outputs(SAID, np.zeros((len(SAID), 1), np.float32))
    rule = DecisionRule("prior", {**SHIFT, "tau": 0.5})
    expected = fit_temperature(rule.decide(outputs).probabilities, LABELS, tau=0.5)
    assert rule.calibrated(outputs, LABELS.tolist()).temperature == expected


def test_costs_decide_as_before_it():
    outputs = Outputs(SAID, np.zeros((len(SAID), 1), np.float32))
    plain = DecisionRule("cost", {"matrix": [[0, 1, 9], [1, 0, 9], [1, 1, 0]]})
    rule = plain.calibrated(outputs, LABELS.tolist())
    assert rule.temperature == fit_temperature(SAID, LABELS, tau=0)
    assert np.array_equal(rule.decide(outputs).predicted, plain.decide(outputs).predicted)
