"""The rules that decide: what they are asked for by, what they decide, and how they are kept."""

import json

import numpy as np
import pytest

from rebalance.errors import DataError, FeatureError, MetricError, SettingError
from rebalance.scoring import cost_decision, nearest_centre, prior_shift
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.centres import class_centres
from rebalance.scoring.classifier import TrainingEmbedding
from rebalance.scoring.classifiers import CLASSIFIERS
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import DecisionRule, check_rule, find_rule
from rebalance.scoring.stored import Decisions
from rebalance.scoring.thresholds import THRESHOLDS

CLASSES = ("cat", "dog", "eel")


SHARES = [0.7, 0.2, 0.1]
BEFORE = [5.0, 4.0, 1.0]
AMOUNTS = Amounts([7.0, 1.0, 1.0], [1.0, 2.0, 1.0], BEFORE)
NOT_ASKED = Amounts((), ())


@pytest.fixture
def outputs() -> Outputs:
    rng = np.random.default_rng(0)
    return Outputs(rng.dirichlet(np.ones(3), 40), rng.normal(size=(40, 5)).astype(np.float32))


def seen():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(30, 5)).astype(np.float32)
    return TrainingEmbedding(features, np.array([0] * 15 + [1] * 10 + [2] * 5))


def fit(chosen):
    return chosen.fit(seen(), len(CLASSES))


def never(chosen):
    raise AssertionError("the head is not fitted")


def test_the_head_alone_decides_by_the_largest_probability(outputs):
    rule = find_rule("head", "none", CLASSES, AMOUNTS, never)
    decision = rule.decide(outputs)
    assert np.array_equal(decision.predicted, outputs.probabilities.argmax(axis=1))
    assert np.array_equal(decision.probabilities, outputs.probabilities)
    assert rule.classifier == "head"


def test_the_prior_of_training_is_divided_out(outputs):
    decision = find_rule("head", "prior", CLASSES, AMOUNTS, never).decide(outputs)
    expected = prior_shift(outputs.probabilities, SHARES, np.ones(3))
    np.testing.assert_allclose(decision.probabilities, expected)
    assert np.array_equal(decision.predicted, expected.argmax(axis=1))


def test_what_the_folder_had_is_divided_out_whatever_training_drew(outputs):
    rule = find_rule("head", "prior:original", CLASSES, AMOUNTS, never)
    assert rule.divided_by == [0.5, 0.4, 0.1]
    expected = outputs.probabilities / BEFORE
    assert np.array_equal(rule.decide(outputs).predicted, expected.argmax(axis=1))
    assert find_rule("head", "prior", CLASSES, AMOUNTS, never).divided_by == pytest.approx(SHARES)
    assert find_rule("head", "none", CLASSES, NOT_ASKED, never).divided_by is None


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.5])
def test_a_power_of_the_prior_is_divided_out(outputs, tau):
    rule = find_rule("head", f"prior:{tau}", CLASSES, AMOUNTS, never)
    again = DecisionRule.from_record(json.loads(json.dumps(rule.to_record())), len(CLASSES))
    for each in (rule, again):
        expected = np.log(outputs.probabilities) - tau * np.log(SHARES)
        decision = each.decide(outputs)
        assert np.array_equal(decision.predicted, expected.argmax(axis=1))
        undone = decision.probabilities * THRESHOLDS["prior"].undo(**each.options)
        undone /= undone.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(undone, outputs.probabilities, atol=1e-12)
        assert each.asked == ("prior" if tau == 1 else f"prior:{tau:g}")
        assert bool(each.idle) == (tau == 0)


def test_a_run_that_decides_by_a_power_goes_on_to(outputs):
    own = find_rule("head", "prior:0.5", CLASSES, AMOUNTS, never)
    again = Decisions(own, AMOUNTS).rule(None, None, CLASSES, never)
    assert again.options == own.options and again.asked == "prior:0.5"


def test_shares_that_nobody_knows_are_asked_for_in_one_line():
    with pytest.raises(SettingError, match=r"class shares of the folder, .* are not known: train"):
        find_rule("head", "prior:original", CLASSES, Amounts([1, 1, 1], [1, 1, 1]), never)


@pytest.mark.parametrize(
    ("classifier", "threshold", "draws", "weights", "why"),
    [
        ("head", "none", [1, 1, 1], [1, 1, 1], ""),
        ("head", "prior", [7, 2, 1], [1, 1, 1], ""),
        ("head", "prior", [9, 9, 9], [1, 1, 1], "training drew and weighed all classes alike"),
        ("head", "prior", [6, 3, 1], np.float32([5 / 9, 10 / 9, 30 / 9]), "drew and weighed all"),
        ("head", "prior", [1001, 1000, 1000], [1, 1, 1], ""),
        ("head", "prior:original", [9, 9, 9], [1, 1, 1], ""),
        ("centres", "prior:original", [7, 2, 1], [1, 1, 1], "nearest centre knows of no class"),
        ("svm", "prior", [7, 2, 1], [1, 1, 1], "linear SVM knows of no class shares"),
        ("knn", "prior", [1, 1, 1], [1, 1, 1], ""),
        ("head", "cost:alike.csv", [1, 1, 1], [1, 1, 1], "all mistakes cost the same"),
        ("head", "cost:costs.csv", [1, 1, 1], [1, 1, 1], ""),
    ],
)
def test_a_threshold_that_decides_nothing_otherwise_says_why(
    tmp_path, monkeypatch, classifier, threshold, draws, weights, why
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alike.csv").write_text("0,2,2\n2,0,2\n2,2,0\n")
    (tmp_path / "costs.csv").write_text("0,2,2\n2,0,2\n2,3,0\n")
    amounts = Amounts(draws, weights, BEFORE)
    found = find_rule(classifier, threshold, CLASSES, amounts, fit).idle
    assert why in found and bool(found) == bool(why)


def test_costs_are_read_from_a_file(outputs, tmp_path):
    path = tmp_path / "a:b.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    decision = find_rule("head", f"cost:{path}", CLASSES, AMOUNTS, never).decide(outputs)
    expected = cost_decision(outputs.probabilities, [[0, 9, 1], [1, 0, 1], [1, 1, 0]])
    assert np.array_equal(decision.predicted, expected)
    assert not np.array_equal(expected, outputs.probabilities.argmax(axis=1))


def test_centres_know_no_prior(outputs):
    rule = find_rule("centres", "none", CLASSES, NOT_ASKED, fit)
    expected = nearest_centre(outputs.features, class_centres(*seen(), len(CLASSES)))
    for threshold in ("none", "prior", "prior:original"):
        decision = find_rule("centres", threshold, CLASSES, NOT_ASKED, fit).decide(outputs)
        np.testing.assert_allclose(decision.probabilities, expected.probabilities)
        assert np.array_equal(decision.predicted, expected.predicted)
    assert rule.classifier == "centres"


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_rule_decides_the_same_after_a_round_trip(outputs, tmp_path, classifier, threshold):
    path = tmp_path / "costs.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    choice = f"cost:{path}" if THRESHOLDS[threshold].needs_costs else threshold
    rule = find_rule(classifier, choice, CLASSES, AMOUNTS, fit)
    again = DecisionRule.from_record(json.loads(json.dumps(rule.to_record())), len(CLASSES))
    assert (again.classifier, again.threshold) == (classifier, threshold)
    again = again.with_fitted(fit) if again.outdated else again
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
        *(
            {"threshold": "none", "options": {}, "centres": None, "fitted": fitted}
            for fitted in (
                {"classifier": "best", "values": {}},
                {"classifier": "knn", "values": {}},
                {"classifier": "knn", "values": {"counts": [2, 2, 0]}},
                {"classifier": "svm", "values": {"weights": [[1.0]], "biases": [1.0]}},
                {"classifier": "svm:C=0", "values": {}},
                *(
                    {
                        "classifier": "clusters",
                        "values": {"centres": [[1.0]] * 3, "owners": owners, "temperature": 1},
                    }
                    for owners in ([0, 1, 1], [0, 2, 1], [0, 1], "abc")
                ),
                {
                    "classifier": "svm",
                    "values": {"weights": [[1.0]] * 3, "biases": [1.0] * 2, "temperature": 1},
                },
            )
        ),
    ],
)
def test_a_damaged_rule_is_refused(record):
    with pytest.raises(DataError, match="decision that the run keeps is damaged"):
        DecisionRule.from_record(record, len(CLASSES))


@pytest.mark.parametrize(
    "threshold",
    [
        "",
        "cost",
        "cost:",
        "none:x",
        "prior:x",
        "prior:",
        "prior:original:x",
        "prior:-1",
        "prior:nan",
        "prior:11",
    ],
)
def test_thresholds_that_are_not_are_refused(threshold):
    with pytest.raises(
        SettingError, match="prior:val, prior:original, cost:FILE or cost:search; got"
    ):
        find_rule("head", threshold, CLASSES, AMOUNTS, never)


def test_classifiers_that_are_not_are_refused():
    for text, said in (
        ("nearest", "no classifier 'nearest': choose one of head, centres, knn, svm, clusters"),
        ("knn:C=1", "the classifier knn has no option 'C', only k"),
        ("knn:k=0", "the option k of a classifier must be a whole number from 1 up; got '0'"),
        ("svm:C", "a classifier is NAME:OPTION=VALUE"),
    ):
        with pytest.raises(SettingError, match=said):
            find_rule(text, "none", CLASSES, AMOUNTS, never)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_threshold_is_undone(outputs, tmp_path, classifier, threshold):
    path = tmp_path / "costs.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    choice = f"{threshold}:{path}" if THRESHOLDS[threshold].needs_costs else threshold
    rule = find_rule(classifier, choice, CLASSES, AMOUNTS, fit)
    shown = rule.decide(outputs).probabilities * THRESHOLDS[threshold].undo(**rule.options)
    plain = find_rule(classifier, "none", CLASSES, AMOUNTS, fit).decide(outputs)
    shares = shown / shown.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, plain.probabilities, rtol=1e-9)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_rule_is_found_under_its_classifier(classifier):
    assert find_rule(classifier, "none", CLASSES, AMOUNTS, fit).classifier == classifier


def test_what_will_fail_is_said_before_training():
    ones, some, all_of_them = [1.0] * 3, [3, 0, 1], [3, 1, 1]
    check_rule("centres", "prior", CLASSES, Amounts(some, ones), all_of_them)
    with pytest.raises(MetricError, match=f"draws must be .* but is 0 for class '{CLASSES[1]}'"):
        check_rule("head", "prior", CLASSES, Amounts(some, ones), all_of_them)
    with pytest.raises(MetricError, match=f"loss weight must be .* for class '{CLASSES[1]}'"):
        check_rule("head", "prior", CLASSES, Amounts(all_of_them, [1.0, 0.0, 1.0]), all_of_them)
    with pytest.raises(FeatureError, match=f"class '{CLASSES[1]}': a centre needs at least one"):
        check_rule("centres", "none", CLASSES, Amounts(all_of_them, ones), some)
    with pytest.raises(FeatureError, match=f"class '{CLASSES[1]}': a support vector machine needs"):
        check_rule("svm", "none", CLASSES, Amounts(all_of_them, ones), some)
    check_rule("knn:k=4", "none", CLASSES, Amounts(all_of_them, ones), some)
    with pytest.raises(FeatureError, match=r"knn:k=5 looks at .*, but there are 4: give a k of at"):
        check_rule("knn", "none", CLASSES, Amounts(all_of_them, ones), some)
    with pytest.raises(MetricError, match=f"class '{CLASSES[1]}'"):
        check_rule("knn:k=4", "prior", CLASSES, Amounts(all_of_them, ones), some)
    with pytest.raises(SettingError):
        check_rule("head", "half", CLASSES, Amounts(all_of_them, ones), all_of_them)
