"""The summary of predictions: all metrics, as Python types that JSON can hold.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import MetricError
from rebalance.metrics.predictions import Predictions, as_predictions
from rebalance.metrics.scores import METRICS, class_f1
from rebalance.records import ClassScores, ScoresRecord, ShotGroup, ShotGroups

MANY = 100  # training images: more than this is a many-shot class
FEW = 20  # training images: fewer than this is a few-shot class


def score(
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    *,
    predicted: ArrayLike | None = None,
    train_counts: Sequence[int] | None = None,
) -> ScoresRecord:
    """Compute every metric of ``METRICS`` by its name, and the counts behind them.

    labels, probabilities, classes, predicted: as ``as_predictions`` takes them. train_counts: the
    training images of each class, for ``groups``.

    Beside the metrics: ``per_class`` (``class_scores``), ``confusion_matrix`` (rows are true
    classes, columns predicted ones, in class order), ``groups`` (``shot_groups``; None without
    ``train_counts``), and ``absent``, the classes without test images: they are left out of every
    mean, though images may be mistaken for them.

    A metric that is not defined for these images is None, and ``undefined``, which is there only
    then, says why: where all are of one class it has neither ROC AUC nor specificity. MetricError
    for input that cannot be.

    >>> from rebalance.metrics import score
    >>> probabilities = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
    >>> found = score([0, 0, 1, 1], probabilities, ["cat", "dog"])
    >>> found["accuracy"], found["balanced_accuracy"], found["confusion_matrix"]
    (0.75, 0.75, [[2, 0], [1, 1]])
    >>> found["per_class"]["dog"]["recall"], found["absent"]
    (0.5, [])
    """
    predictions = as_predictions(labels, probabilities, classes, predicted)
    absent = np.flatnonzero(predictions.support == 0)
    groups = None if train_counts is None else shot_groups(predictions, train_counts)
    values, undefined = _values(predictions)
    scores = {
        **values,
        "per_class": class_scores(predictions),
        "confusion_matrix": predictions.confusion.tolist(),
        "groups": groups,
        "absent": [predictions.classes[label] for label in absent],
    }
    if undefined:
        scores["undefined"] = undefined
    return cast(ScoresRecord, scores)


def _values(predictions: Predictions) -> tuple[dict[str, float | None], dict[str, str]]:
    """Compute each metric by its name, None where it is not defined; and why it is not."""
    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    for name, metric in METRICS.items():
        try:
            values[name] = metric(predictions)
        except MetricError as error:
            values[name], undefined[name] = None, str(error)
    return values, undefined


def class_scores(predictions: Predictions) -> dict[str, ClassScores]:
    """Compute what is known of each class by itself, by its name.

    ``precision``, ``recall``, ``f1``, ``support`` (test images), and the areas under its curves
    against the rest: ``roc_auc``, ``average_precision``. The precision of a class that was never
    predicted is 0, as in scikit-learn. A class without test images has support 0 and None for all
    else; ``roc_auc`` is None also where no other class has any.

    >>> from rebalance.metrics import as_predictions, class_scores
    >>> found = as_predictions([0, 1, 1], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]], ["cat", "dog"])
    >>> class_scores(found)["cat"]["precision"]
    0.5
    """
    found = predictions.confusion.diagonal()
    columns = {
        "precision": found / np.maximum(predictions.confusion.sum(axis=0), 1),
        "recall": found / np.maximum(predictions.support, 1),
        "f1": class_f1(predictions),
        "roc_auc": _of_all(predictions, predictions.roc_aucs),
        "average_precision": _of_all(predictions, predictions.average_precisions),
    }
    rows = {}
    for label, name in enumerate(predictions.classes):
        support = int(predictions.support[label])
        known = {key: float(values[label]) for key, values in columns.items()}
        row = {key: value if support and value == value else None for key, value in known.items()}
        rows[name] = cast(ClassScores, {**row, "support": support})
    return rows


def _of_all(predictions: Predictions, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread values of the present classes over all [K]; NaN for the others."""
    spread = np.full(len(predictions.classes), np.nan)
    spread[predictions.present] = values
    return spread


def shot_groups(predictions: Predictions, train_counts: Sequence[int]) -> ShotGroups:
    """Compute accuracy on the classes with many, medium and few training images.

    Source: Liu et al. 2019, OLTR.

    many: more than 100 training images; medium: 20 to 100; few: fewer than 20. For each the mean
    recall of its classes (``accuracy``, None where it has no test images), how many classes that
    is a mean of (``classes``) and their test images (``support``).

    MetricError unless there is one count, not negative, per class.

    >>> from rebalance.metrics import as_predictions, shot_groups
    >>> found = as_predictions([0, 1, 1], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]], ["cat", "dog"])
    >>> shot_groups(found, [500, 12])["few"]
    {'accuracy': 0.5, 'classes': 1, 'support': 2}
    """
    counts = np.asarray(train_counts)
    if counts.shape != (len(predictions.classes),) or (counts < 0).any():
        raise MetricError(
            f"training images are needed for each of {len(predictions.classes)} classes, but the "
            f"counts are {train_counts}"
        )
    return {
        "many": _group(predictions, counts > MANY),
        "medium": _group(predictions, (counts >= FEW) & (counts <= MANY)),
        "few": _group(predictions, counts < FEW),
    }


def _group(predictions: Predictions, members: NDArray[np.bool_]) -> ShotGroup:
    recalls = predictions.recalls[members[predictions.present]]
    return {
        "accuracy": float(recalls.mean()) if len(recalls) else None,
        "classes": len(recalls),
        "support": int(predictions.support[members].sum()),
    }
