"""The rules that decide: what they are asked for by, what they decide, and how they are kept."""

import json

import numpy as np
import pytest

from rebalance.errors import DataError, FeatureError, MetricError, SettingError
from rebalance.scoring import cost_decision, nearest_centre, prior_shift
from rebalance.scoring.centres import fit_centres
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import CLASSIFIERS, DecisionRule, check_rule, find_rule
from rebalance.scoring.thresholds import THRESHOLDS

CLASSES = ("cat", "dog", "eel")


def prior():
    return [0.7, 0.2, 0.1]


@pytest.fixture
def outputs() -> Outputs:
    rng = np.random.default_rng(0)
    return Outputs(rng.dirichlet(np.ones(3), 40), rng.normal(size=(40, 5)).astype(np.float32))


def centres():
    rng = np.random.default_rng(1)
    return fit_centres(rng.normal(size=(30, 5)), np.arange(30) % 3, CLASSES)


def never():
    raise AssertionError("neither the head needs centres nor they a prior")


def test_the_head_alone_decides_by_the_largest_probability(outputs):
    rule = find_rule("head", "none", CLASSES, prior, never)
    decision = rule.decide(outputs)
    assert np.array_equal(decision.predicted, outputs.probabilities.argmax(axis=1))
    assert np.array_equal(decision.probabilities, outputs.probabilities)
    assert rule.classifier == "head"


def test_the_prior_of_training_is_divided_out(outputs):
    decision = find_rule("head", "prior", CLASSES, prior, never).decide(outputs)
    expected = prior_shift(outputs.probabilities, prior(), np.ones(3))
    np.testing.assert_allclose(decision.probabilities, expected)
    assert np.array_equal(decision.predicted, expected.argmax(axis=1))


def test_costs_are_read_from_a_file(outputs, tmp_path):
    path = tmp_path / "a:b.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    decision = find_rule("head", f"cost:{path}", CLASSES, prior, never).decide(outputs)
    expected = cost_decision(outputs.probabilities, [[0, 9, 1], [1, 0, 1], [1, 1, 0]])
    assert np.array_equal(decision.predicted, expected)
    assert not np.array_equal(expected, outputs.probabilities.argmax(axis=1))


def test_centres_know_no_prior(outputs):
    rule = find_rule("centres", "none", CLASSES, never, centres)
    expected = nearest_centre(outputs.features, centres())
    for threshold in ("none", "prior"):
        decision = find_rule("centres", threshold, CLASSES, never, centres).decide(outputs)
        np.testing.assert_allclose(decision.probabilities, expected.probabilities)
        assert np.array_equal(decision.predicted, expected.predicted)
    assert rule.classifier == "centres"


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_rule_decides_the_same_after_a_round_trip(outputs, tmp_path, classifier, threshold):
    path = tmp_path / "costs.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    choice = f"cost:{path}" if THRESHOLDS[threshold].needs_costs else threshold
    rule = find_rule(classifier, choice, CLASSES, prior, centres)
    again = DecisionRule.from_record(json.loads(json.dumps(rule.to_record())), len(CLASSES))
    assert (again.classifier, again.threshold) == (classifier, threshold)
    for found, expected in zip(again.decide(outputs), rule.decide(outputs), strict=True):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"threshold": "other", "options": {}, "centres": None},
        {"threshold": "none", "options": [], "centres": None},
        {"threshold": "none", "options": {}, "centres": {"means": [["x"]], "temperature": 1}},
        {"threshold": "none", "options": {}, "centres": {"means": [[1.0]]}},
        {"threshold": [], "options": {}, "centres": None},
        {"threshold": "none", "options": {"matrix": [[0]]}, "centres": None},
        {
            "threshold": "prior",
            "options": {"train_prior": [1], "target_prior": [1]},
            "centres": None,
        },
        {"threshold": "prior", "options": {"train_prior": "x", "target_prior": 1}, "centres": None},
        {"threshold": "cost", "options": {"matrix": [[0, 1], [1, 0]]}, "centres": None},
        {"threshold": "cost", "options": {"matrix": {"a": None}}, "centres": None},
        {"threshold": "none", "options": {}, "centres": {"means": [[1.0]], "temperature": 1}},
        {"threshold": "none", "options": {}, "centres": {"means": [[1]] * 3, "temperature": 0}},
        {
            "threshold": "none",
            "options": {},
            "centres": {"means": [[1], [], [1]], "temperature": 1},
        },
    ],
)
def test_a_damaged_rule_is_refused(record):
    with pytest.raises(DataError, match="decision that the run keeps is damaged"):
        DecisionRule.from_record(record, len(CLASSES))


@pytest.mark.parametrize("threshold", ["", "cost", "cost:", "none:x", "prior:x", "half"])
def test_thresholds_that_are_not_are_refused(threshold):
    with pytest.raises(SettingError, match="none, prior or cost:FILE"):
        find_rule("head", threshold, CLASSES, prior, never)


def test_classifiers_that_are_not_are_refused():
    with pytest.raises(SettingError, match="head, centres"):
        find_rule("knn", "none", CLASSES, prior, never)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_threshold_is_undone(outputs, tmp_path, classifier, threshold):
    path = tmp_path / "costs.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    choice = f"{threshold}:{path}" if THRESHOLDS[threshold].needs_costs else threshold
    rule = find_rule(classifier, choice, CLASSES, prior, centres)
    shown = rule.decide(outputs).probabilities * THRESHOLDS[threshold].undo(**rule.options)
    plain = find_rule(classifier, "none", CLASSES, prior, centres).decide(outputs)
    shares = shown / shown.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, plain.probabilities, rtol=1e-9)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_rule_is_found_under_its_classifier(classifier):
    assert find_rule(classifier, "none", CLASSES, prior, centres).classifier == classifier


def test_what_will_fail_is_said_before_training():
    ones, some, all_of_them = [1.0] * 3, [3, 0, 1], [3, 1, 1]
    check_rule("centres", "prior", CLASSES, some, ones, all_of_them)
    with pytest.raises(MetricError, match=f"draws must be .* but is 0 for class '{CLASSES[1]}'"):
        check_rule("head", "prior", CLASSES, some, ones, all_of_them)
    with pytest.raises(MetricError, match=f"loss weight must be .* for class '{CLASSES[1]}'"):
        check_rule("head", "prior", CLASSES, all_of_them, [1.0, 0.0, 1.0], all_of_them)
    with pytest.raises(FeatureError, match=f"class '{CLASSES[1]}': a centre needs at least one"):
        check_rule("centres", "none", CLASSES, all_of_them, ones, some)
    with pytest.raises(SettingError):
        check_rule("head", "half", CLASSES, all_of_them, ones, all_of_them)
