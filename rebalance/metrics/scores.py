"""The metrics that are one number: a function for each, and its line in ``METRICS``.

Means over classes are over the classes with test images: one that is absent has no recall, and a
perfect classifier must reach 1. Imports numpy and nothing heavier; may not import torch or click.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import MetricError
from rebalance.metrics.calibration import Reliability
from rebalance.metrics.predictions import Predictions

SMALLEST_PROBABILITY = 1e-15  # what the log loss takes zero for


class Metric(Protocol):
    """A function that scores a test set by one number; MetricError where it is not defined."""

    def __call__(self, predictions: Predictions) -> float: ...


def accuracy(predictions: Predictions) -> float:
    """Compute the share of images that were given their class."""
    return float(np.mean(predictions.predicted == predictions.labels))


def balanced_accuracy(predictions: Predictions) -> float:
    """Compute the mean of the recalls."""
    return float(predictions.recalls.mean())


def worst_recall(predictions: Predictions) -> float:
    """Find the smallest of the recalls: that of the class which is found worst."""
    return float(predictions.recalls.min())


def gmean(predictions: Predictions) -> float:
    """Compute the geometric mean of the recalls; 0 where a class is never found.

    Source: Kubat & Matwin 1997.
    """
    if not predictions.recalls.all():
        return 0.0
    # By logarithms: the product of a thousand recalls has no double that is near it.
    return float(np.exp(np.log(predictions.recalls).mean()))


def gmean_macro(predictions: Predictions) -> float:
    """Compute sqrt(mean sensitivity · mean specificity), each class against the rest.

    This is imbalanced-learn's ``average="macro"``, and stands in the tables of EOS (Dablain et al.
    2023). MetricError where all images are of one class, which then has no specificity.
    """
    return float(np.sqrt(predictions.recalls.mean() * specificity_macro(predictions)))


def specificity_macro(predictions: Predictions) -> float:
    """Average TN / (TN + FP) over classes: the share of other images that were not given the class.

    MetricError where all images are of one class, which then has no specificity.
    """
    _require_others(predictions, "specificity")
    present = predictions.present
    given = predictions.confusion.sum(axis=0)
    wrongly_given = (given - predictions.confusion.diagonal())[present]
    others = len(predictions.labels) - predictions.support[present]
    return float((1 - wrongly_given / others).mean())


def f1_macro(predictions: Predictions) -> float:
    """Average 2·TP / (2·TP + FP + FN) over classes; 0 for a class that is never found."""
    return float(class_f1(predictions)[predictions.present].mean())


def f1_weighted(predictions: Predictions) -> float:
    """Average the F1 of the classes, each weighted by its test images."""
    present = predictions.present
    return _weighted(class_f1(predictions)[present], predictions.support[present])


def f2_macro(predictions: Predictions) -> float:
    """Average F-beta over classes with beta 2, to which recall matters twice as much as precision.

    F-beta is (1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP); 0 for a class that is never found. Source:
    van Rijsbergen 1979.
    """
    return float(class_fbeta(predictions, 2.0)[predictions.present].mean())


def f05_macro(predictions: Predictions) -> float:
    """Average F-beta over classes with beta ½: precision matters twice as much as recall."""
    return float(class_fbeta(predictions, 0.5)[predictions.present].mean())


def roc_auc_ovr_macro(predictions: Predictions) -> float:
    """Average over classes the area under the ROC curve, each class against the rest.

    Images are ranked by the probability of the class as it was given; a tie counts one half.
    MetricError where all images are of one class, whose area is then not defined.
    """
    _require_others(predictions, "ROC AUC")
    return float(predictions.roc_aucs.mean())


def roc_auc_ovr_weighted(predictions: Predictions) -> float:
    """Average the areas of ``roc_auc_ovr_macro``, each class weighted by its test images."""
    _require_others(predictions, "ROC AUC")
    sizes = predictions.support[predictions.present]
    return _weighted(predictions.roc_aucs, sizes)


def average_precision_macro(predictions: Predictions) -> float:
    """Average Σ (R_i − R_(i−1)) · P_i over classes, each class against the rest.

    P_i and R_i are precision and recall down to the i-th distinct probability, from the top; there
    is no interpolation, as in scikit-learn's ``average_precision_score``.
    """
    return float(predictions.average_precisions.mean())


def log_loss(predictions: Predictions) -> float:
    """Average −log p of the true class; rows are divided by their sum, p is at least 1e-15."""
    rows = np.arange(len(predictions.labels))
    likelihood = predictions.distributions[rows, predictions.labels]
    return float(-np.log(np.maximum(likelihood, SMALLEST_PROBABILITY)).mean())


def brier(predictions: Predictions) -> float:
    """Average Σ over classes (p − [class is true])² over images, from 0 to 2 (Brier 1950).

    Rows are divided by their sum. For two classes it is twice the one-column form.
    """
    errors = predictions.distributions.copy()
    errors[np.arange(len(errors)), predictions.labels] -= 1
    return float(np.square(errors).sum(axis=1).mean())


def ece(predictions: Predictions) -> float:
    """Compute the expected calibration error of the largest probability, from 0 to 1.

    Images go into 15 bins of equal width by their largest probability; Σ over bins of the share of
    images there · |share whose class has that probability − its mean|. Source: Guo et al. 2017.
    """
    return Reliability.of(predictions).error


def ece_balanced(predictions: Predictions) -> float:
    """Compute ``ece`` with each image counted as one over the test images of its class.

    Where a majority class fills the test set, ``ece`` is nearly that of this class alone.
    """
    return Reliability.of(predictions, balanced=True).error


METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (
        accuracy,
        balanced_accuracy,
        worst_recall,
        gmean,
        gmean_macro,
        specificity_macro,
        f1_macro,
        f1_weighted,
        f2_macro,
        f05_macro,
        roc_auc_ovr_macro,
        roc_auc_ovr_weighted,
        average_precision_macro,
        log_loss,
        brier,
        ece,
        ece_balanced,
    )
}


def class_f1(predictions: Predictions) -> NDArray[np.float64]:
    """Compute F1 of each class [K]; NaN for one without test images that was given to none."""
    return class_fbeta(predictions, 1.0)


def class_fbeta(predictions: Predictions, beta: float) -> NDArray[np.float64]:
    """Compute F-beta of each class [K]; NaN for one without test images that was given to none."""
    square = beta**2
    found = predictions.confusion.diagonal()
    sizes = square * predictions.support + predictions.confusion.sum(axis=0)
    values = np.full(len(sizes), np.nan)
    np.divide((1 + square) * found, sizes, out=values, where=sizes > 0)
    return values


def _weighted(values: NDArray[np.float64], sizes: NDArray[np.intp]) -> float:
    return float(np.average(values, weights=sizes))


def _require_others(predictions: Predictions, what: str) -> None:
    if len(predictions.present) < 2:
        name = predictions.classes[predictions.present[0]]
        raise MetricError(
            f"{what} of class {name!r} needs test images of other classes too, but all "
            f"{len(predictions.labels)} are of this one: test on at least two classes"
        )
