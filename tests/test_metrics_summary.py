"""All that is said of predictions: per class, by group, absent classes, and as JSON."""

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
from schemas import faults
from sklearn.metrics import (
    average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from rebalance.errors import MetricError
from rebalance.metrics import METRICS, as_predictions, score

CLASSES = ["bird", "cat", "dog", "eel"]


@pytest.fixture
def scored() -> dict[str, Any]:
    """Six images; no eel among them, one cat taken for an eel, nothing taken for a dog."""
    labels, predicted = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 3, 0]
    return score(labels, np.eye(4)[predicted], CLASSES, train_counts=[101, 100, 20, 19])


def test_holds_every_metric(scored: dict[str, Any]) -> None:
    predictions = as_predictions([0, 0, 0, 1, 1, 2], np.eye(4)[[0, 0, 1, 1, 3, 0]], CLASSES)
    expected = {name: metric(predictions) for name, metric in METRICS.items()}
    assert {name: scored[name] for name in METRICS} == expected
    assert scored["accuracy"] == 0.5
    assert scored["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_is_ready_for_json(scored: dict[str, Any]) -> None:
    assert json.loads(json.dumps(scored, allow_nan=False)) == scored


def test_an_absent_class_is_reported(scored: dict[str, Any]) -> None:
    assert scored["absent"] == ["eel"]
    assert scored["per_class"]["eel"] == {
        "precision": None,
        "recall": None,
        "f1": None,
        "roc_auc": None,
        "average_precision": None,
        "support": 0,
    }


def test_a_class_never_predicted_has_precision_zero(scored: dict[str, Any]) -> None:
    decided = {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert scored["per_class"]["dog"].items() >= decided.items()


def test_confusion_rows_are_true_classes(scored: dict[str, Any]) -> None:
    assert scored["confusion_matrix"] == [[2, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_groups_by_training_images(scored: dict[str, Any]) -> None:
    assert scored["groups"] == {
        "many": {"accuracy": pytest.approx(2 / 3), "classes": 1, "support": 3},
        "medium": {"accuracy": pytest.approx((1 / 2 + 0) / 2), "classes": 2, "support": 3},
        "few": {"accuracy": None, "classes": 0, "support": 0},
    }


def test_no_groups_without_training_counts() -> None:
    assert score([0, 1], np.eye(2), "ab")["groups"] is None


@pytest.mark.parametrize("counts", [[1, 2, 3], [5, -1], []])
def test_training_counts_that_do_not_fit_are_refused(counts: list[int]) -> None:
    with pytest.raises(MetricError, match="each of 2 classes"):
        score([0, 1], np.eye(2), "ab", train_counts=counts)


@pytest.mark.parametrize("classes", [2, 5])
def test_per_class_equals_scikit_learn(classes: int) -> None:
    rng = np.random.default_rng(classes)
    labels, probabilities = np.arange(50) % classes, rng.dirichlet(np.ones(classes), 50)
    names = CLASSES[:classes] if classes < 5 else [*CLASSES, "fox"]
    expected = precision_recall_fscore_support(labels, probabilities.argmax(axis=1))
    rows = score(labels, probabilities, names)["per_class"]
    assert list(rows) == names
    keys = ("precision", "recall", "f1", "support")
    measured = np.array([[row[key] for key in keys] for row in rows.values()])
    np.testing.assert_allclose(measured.T, expected)
    areas = {"roc_auc": roc_auc_score, "average_precision": average_precision_score}
    for (name, area), label in product(areas.items(), range(classes)):
        value = area(labels == label, probabilities[:, label])
        assert rows[names[label]][name] == pytest.approx(value)


def test_a_decision_of_its_own_changes_what_counts_decisions_only() -> None:
    probabilities = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]]
    plain = score([0, 1, 1], probabilities, "ab")
    moved = score([0, 1, 1], probabilities, "ab", predicted=[0, 1, 1])
    assert (plain["accuracy"], moved["accuracy"]) == (pytest.approx(1 / 3), 1)
    areas = ("roc_auc_ovr_macro", "average_precision_macro")
    of_probabilities = (*areas, "log_loss", "brier", "ece", "ece_balanced")
    assert all(plain[name] == moved[name] for name in of_probabilities)


def test_what_is_not_defined_of_one_class_is_null_with_its_reason() -> None:
    found = score([1, 1, 1], [[0.2, 0.8], [0.6, 0.4], [0.1, 0.9]], ["cat", "dog"])
    undefined = {
        "gmean_macro": "specificity",
        "specificity_macro": "specificity",
        "roc_auc_ovr_macro": "ROC AUC",
        "roc_auc_ovr_weighted": "ROC AUC",
    }
    assert found["undefined"].keys() == undefined.keys()
    for name, what in undefined.items():
        assert found[name] is None
        assert found["undefined"][name].startswith(f"{what} of class 'dog' needs test images of")
    assert found["accuracy"] == found["gmean"] == pytest.approx(2 / 3)
    assert not any(found[name] is None for name in METRICS if name not in undefined)
    assert not faults("metrics", {**found, "images": 3, "classifier": "head", "threshold": "none"})


def test_nothing_is_said_to_be_undefined_where_all_is_defined() -> None:
    assert "undefined" not in score([0, 1], np.eye(2), "ab")
