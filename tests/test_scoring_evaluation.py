"""What is told of decisions: metrics and a table of predictions."""

import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from rebalance.scoring.amounts import Amounts
from rebalance.scoring.evaluation import evaluate, prediction_table
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import DecisionRule, find_rule

CLASSES = ("cat", "dog", "eel")


@pytest.fixture
def outputs() -> Outputs:
    rng = np.random.default_rng(0)
    return Outputs(rng.dirichlet(np.ones(3), 40), rng.normal(size=(40, 5)).astype(np.float32))


LABELS = [0] * 20 + [1] * 12 + [2] * 8


def never():
    raise AssertionError("the head needs no centres")


def test_metrics_are_of_the_decisions_and_ready_for_json(outputs):
    rule = find_rule("head", "prior", CLASSES, Amounts([7, 2, 1], [1, 1, 1]), never)
    metrics, decision = evaluate(outputs, LABELS, CLASSES, rule, [500, 50, 5])
    expected = balanced_accuracy_score(LABELS, decision.predicted)
    assert metrics["balanced_accuracy"] == pytest.approx(expected)
    assert (metrics["images"], metrics["classifier"], metrics["threshold"]) == (40, "head", "prior")
    assert metrics["divided_by"] == {"cat": 0.7, "dog": 0.2, "eel": 0.1}
    assert [metrics["groups"][name]["support"] for name in ("many", "medium", "few")] == [20, 12, 8]
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_predictions_have_a_column_per_class(outputs):
    rule = DecisionRule()
    header, rows = prediction_table(
        ["a.png", "b.png"],
        [2, 0],
        ("cat", "label", "eel"),
        rule.decide(Outputs(np.array([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2]]), outputs.features[:2])),
    )
    assert header == [
        *("file_name", "label", "prediction"),
        *("probability_cat", "probability_label", "probability_eel"),
    ]
    assert rows == [
        ["a.png", "eel", "label", 0.1, 0.6, 0.3],
        ["b.png", "cat", "cat", 0.4, 0.4, 0.2],
    ]
