"""The metrics that are one number, against scikit-learn and imbalanced-learn, and by hand."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score, specificity_score
from sklearn import metrics as sklearn_metrics

from rebalance.errors import MetricError
from rebalance.metrics import METRICS, Predictions, as_predictions

NAMES = tuple("abcdef")
ERRORS = ("log_loss", "brier", "ece", "ece_balanced")
ONE_HOT_TWO_OF_THREE = [[1, 0, 0], [1, 0, 0], [0, 0, 1]]


@st.composite
def some_predictions(draw: st.DrawFn) -> Predictions:
    """At least two classes present, some absent; coarse probabilities, so that ties are common."""
    classes = draw(st.integers(2, 6))
    labels = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=2, max_size=30)))
    if len(np.unique(labels)) == 1:
        labels[0] = (labels[0] + 1) % classes
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.integers(1, draw(st.sampled_from([3, 9, 10_000])), (len(labels), classes))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return as_predictions(labels, probabilities, NAMES[:classes])


def against_the_rest(predictions: Predictions, function: Any, weights: Any = None) -> float:
    """The mean over the present classes of a two-class metric of scikit-learn."""
    values = [
        function(predictions.labels == label, predictions.probabilities[:, label])
        for label in predictions.present
    ]
    return float(np.average(values, weights=weights))


def slow_calibration_error(predictions: Predictions, *, balanced: bool) -> float:
    """Guo et al. 2017, equations 2 to 5; a confidence within rounding of an edge is on it."""
    images = []
    for row, label, decided in zip(
        predictions.probabilities.tolist(), predictions.labels, predictions.predicted, strict=True
    ):
        weight = 1 / list(predictions.labels).count(label) if balanced else 1.0
        images.append((max(row) / sum(row), decided == label, weight))
    total, error = sum(weight for *_, weight in images), 0.0
    for place in range(15):
        low, high = place / 15 + 1e-10, (place + 1) / 15 + 1e-10
        inside = [image for image in images if low < image[0] <= high]
        if mass := sum(weight for *_, weight in inside):
            right = sum(weight * hit for _, hit, weight in inside) / mass
            sure = sum(weight * confidence for confidence, _, weight in inside) / mass
            error += mass / total * abs(right - sure)
    return error


def expected_of(predictions: Predictions) -> dict[str, float]:
    true, predicted = predictions.labels, predictions.predicted
    every, present = range(len(predictions.classes)), predictions.present
    return {
        "accuracy": sklearn_metrics.accuracy_score(true, predicted),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(true, predicted),
        "worst_recall": min(
            sklearn_metrics.recall_score(true, predicted, labels=present, average=None)
        ),
        "gmean": geometric_mean_score(true, predicted, labels=present, average="multiclass"),
        "gmean_macro": geometric_mean_score(true, predicted, labels=present, average="macro"),
        "specificity_macro": specificity_score(true, predicted, labels=present, average="macro"),
        "f1_macro": sklearn_metrics.f1_score(true, predicted, labels=present, average="macro"),
        "f1_weighted": sklearn_metrics.f1_score(true, predicted, average="weighted"),
        **{
            name: sklearn_metrics.fbeta_score(
                true, predicted, beta=beta, labels=present, average="macro", zero_division=0
            )
            for name, beta in (("f2_macro", 2), ("f05_macro", 0.5))
        },
        "roc_auc_ovr_macro": against_the_rest(predictions, sklearn_metrics.roc_auc_score),
        "roc_auc_ovr_weighted": against_the_rest(
            predictions, sklearn_metrics.roc_auc_score, predictions.support[present]
        ),
        "average_precision_macro": against_the_rest(
            predictions, sklearn_metrics.average_precision_score
        ),
        "log_loss": sklearn_metrics.log_loss(true, predictions.probabilities, labels=every),
        "brier": sklearn_metrics.brier_score_loss(
            true, predictions.probabilities, labels=every, scale_by_half=False
        ),
        "ece": slow_calibration_error(predictions, balanced=False),
        "ece_balanced": slow_calibration_error(predictions, balanced=True),
    }


@settings(max_examples=60, deadline=None)
@given(some_predictions())
def test_every_metric_equals_its_reference(predictions: Predictions) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the references warn of absent classes
        expected = expected_of(predictions)
    measured = {name: metric(predictions) for name, metric in METRICS.items()}
    assert measured == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_auc_equals_scikit_learns_own_mean_where_no_class_is_absent() -> None:
    rng = np.random.default_rng(0)
    labels, probabilities = np.arange(200) % 4, rng.dirichlet(np.ones(4), 200)
    expected = sklearn_metrics.roc_auc_score(labels, probabilities, multi_class="ovr")
    predictions = as_predictions(labels, probabilities, NAMES[:4])
    assert METRICS["roc_auc_ovr_macro"](predictions) == pytest.approx(expected, rel=1e-12)


def test_weighted_auc_equals_scikit_learns_on_uneven_classes() -> None:
    rng = np.random.default_rng(0)
    labels, probabilities = np.minimum(np.arange(200) % 9, 3), rng.dirichlet(np.ones(4), 200)
    expected = sklearn_metrics.roc_auc_score(
        labels, probabilities, multi_class="ovr", average="weighted"
    )
    predictions = as_predictions(labels, probabilities, NAMES[:4])
    assert METRICS["roc_auc_ovr_weighted"](predictions) == pytest.approx(expected, rel=1e-12)
    assert METRICS["roc_auc_ovr_macro"](predictions) != pytest.approx(expected, rel=1e-4)


def test_two_classes_by_hand() -> None:
    predictions = as_predictions(
        [0, 0, 0, 1], [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]], "ab"
    )
    assert {name: metric(predictions) for name, metric in METRICS.items()} == pytest.approx(
        {
            "accuracy": 3 / 4,
            "balanced_accuracy": (2 / 3 + 1) / 2,
            "worst_recall": 2 / 3,
            "gmean": (2 / 3) ** 0.5,
            "gmean_macro": (2 / 3 + 1) / 2,
            "specificity_macro": (1 + 2 / 3) / 2,
            "f1_macro": (4 / 5 + 2 / 3) / 2,
            "f1_weighted": (3 * 4 / 5 + 2 / 3) / 4,
            # (1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP), of a with FN = 1 and of b with FP = 1
            "f2_macro": (10 / (10 + 4) + 5 / (5 + 1)) / 2,
            "f05_macro": (2.5 / (2.5 + 0.25) + 1.25 / (1.25 + 1)) / 2,
            "roc_auc_ovr_weighted": 1.0,
            "roc_auc_ovr_macro": 1.0,
            "average_precision_macro": 1.0,
            "log_loss": -np.log([0.9, 0.8, 0.4, 0.7]).mean(),
            "brier": 2 * (0.01 + 0.04 + 0.36 + 0.09) / 4,
            # .6, .7, .8 and .9 lie in the 9th, 11th, 12th and 14th of the bins, each alone
            "ece": (0.1 + 0.2 + 0.6 + 0.3) / 4,
            "ece_balanced": (0.1 + 0.2 + 0.6) / 6 + 0.3 / 2,
        }
    )


def test_one_image_per_class_all_found() -> None:
    predictions = as_predictions([0, 1, 2], np.eye(3), "abc")
    measured = {name: metric(predictions) for name, metric in METRICS.items()}
    assert {measured.pop(name) for name in ERRORS} == {0}
    assert set(measured.values()) == {1.0}


def test_a_perfect_classifier_reaches_one_though_a_class_is_absent() -> None:
    predictions = as_predictions([0, 0, 2], ONE_HOT_TWO_OF_THREE, "abc")
    measured = {name: metric(predictions) for name, metric in METRICS.items()}
    assert {measured.pop(name) for name in ERRORS} == {0}
    assert set(measured.values()) == {1.0}


def test_images_mistaken_for_an_absent_class_lower_only_their_own_recall() -> None:
    predictions = as_predictions([0, 0, 1], [[0, 0, 1], [1, 0, 0], [0, 1, 0]], "abc")
    assert METRICS["balanced_accuracy"](predictions) == pytest.approx((1 / 2 + 1) / 2)
    assert METRICS["f1_macro"](predictions) == pytest.approx((2 / 3 + 1) / 2)
    assert METRICS["gmean_macro"](predictions) == pytest.approx((3 / 4) ** 0.5)


def test_bins_have_their_upper_edge_and_one_bin_cancels() -> None:
    both_in_one = as_predictions([0, 1], [[0.79, 0.21], [0.8, 0.2]], "ab")  # 0.8 is 12 / 15
    assert METRICS["ece"](both_in_one) == pytest.approx(abs(1 / 2 - (0.79 + 0.8) / 2))
    apart = as_predictions([0, 1], [[0.79, 0.21], [0.81, 0.19]], "ab")
    assert METRICS["ece"](apart) == pytest.approx((0.21 + 0.81) / 2)


def test_decisions_by_other_means_do_not_enter_the_calibration_error() -> None:
    rows = [[0.9, 0.1], [0.6, 0.4]]
    decided = as_predictions([0, 0], rows, "ab", predicted=[1, 1])
    assert METRICS["ece"](decided) == METRICS["ece"](as_predictions([0, 0], rows, "ab"))


def test_zero_for_the_true_class_is_clipped() -> None:
    predictions = as_predictions([0, 1], [[0, 1], [0, 1]], "ab")
    assert METRICS["log_loss"](predictions) == pytest.approx(-np.log(1e-15) / 2)


def test_brier_of_one_certain_mistake_is_two() -> None:
    assert METRICS["brier"](as_predictions([0, 0], [[0, 1], [1, 0]], "ab")) == 1.0


@pytest.mark.parametrize("name", ERRORS)
def test_rows_are_divided_by_their_sum(name: str) -> None:
    rows = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    scaled = as_predictions([1, 2], rows * [[7], [0.01]], "abc")
    assert METRICS[name](scaled) == pytest.approx(
        METRICS[name](as_predictions([1, 2], rows, "abc"))
    )


def test_equal_probabilities_are_chance() -> None:
    predictions = as_predictions([0, 0, 0, 1], np.full((4, 2), 0.5), "ab")
    assert METRICS["roc_auc_ovr_macro"](predictions) == 0.5
    assert METRICS["average_precision_macro"](predictions) == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert METRICS["accuracy"](predictions) == 3 / 4  # the lower index of a tie


def test_gmean_of_a_thousand_poor_recalls_does_not_vanish() -> None:
    labels = np.repeat(np.arange(1000), 10)
    predicted = np.where(np.arange(10_000) % 10 == 0, labels, (labels + 1) % 1000)
    names = [str(label) for label in range(1000)]
    predictions = as_predictions(labels, np.ones((10_000, 1000)), names, predicted)
    assert METRICS["gmean"](predictions) == pytest.approx(0.1)


def test_gmean_is_zero_where_a_class_is_never_found() -> None:
    predictions = as_predictions([0, 1, 2], ONE_HOT_TWO_OF_THREE, "abc")
    assert METRICS["gmean"](predictions) == 0.0
    assert METRICS["gmean_macro"](predictions) > 0


@pytest.mark.parametrize("name", ["gmean_macro", "roc_auc_ovr_macro"])
def test_what_a_single_class_leaves_undefined_names_it(name: str) -> None:
    predictions = as_predictions([1, 1], [[0.5, 0.5], [0.1, 0.9]], ["cat", "dog"])
    with pytest.raises(MetricError, match=r"'dog' needs test images of other classes.* all 2 are"):
        METRICS[name](predictions)


def test_what_a_single_class_leaves_defined_is_given() -> None:
    predictions = as_predictions([1, 1], [[0.9, 0.1], [0.1, 0.9]], ["cat", "dog"])
    assert METRICS["balanced_accuracy"](predictions) == 0.5
    assert METRICS["average_precision_macro"](predictions) == 1.0


@settings(max_examples=50, deadline=None)
@given(some_predictions(), st.randoms(use_true_random=False))
def test_the_order_of_images_and_classes_does_not_matter(
    predictions: Predictions, random: Any
) -> None:
    images, classes = list(range(len(predictions.labels))), list(range(len(predictions.classes)))
    random.shuffle(images)
    random.shuffle(classes)
    place = np.argsort(classes)
    shuffled = as_predictions(
        place[predictions.labels[images]],
        predictions.probabilities[images][:, classes],
        [predictions.classes[label] for label in classes],
        place[predictions.predicted[images]],
    )
    expected = {name: metric(predictions) for name, metric in METRICS.items()}
    assert {name: metric(shuffled) for name, metric in METRICS.items()} == pytest.approx(expected)
