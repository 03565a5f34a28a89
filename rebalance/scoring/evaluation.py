"""How good decisions on a test set are: the metrics and the predictions of a run.

May not import torch or click.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.data.folder import ImageFolder
from rebalance.metrics import FeatureRanges, score
from rebalance.records import GapPartRecord, GapRecord, MetricsRecord
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.searched_costs import CostChoice
from rebalance.scoring.thresholds import Decision

log = logging.getLogger("rebalance")

PredictionTable = tuple[list[str], list[list[Any]]]  # header and rows


@dataclass(frozen=True)
class Evaluation:
    """How good a network is on a test set.

    metrics: what ``metrics.json`` holds. predictions: header and rows of ``predictions.csv``.
    predicted, features: the class index and the embedding of each image, in the same order.
    """

    metrics: MetricsRecord
    predictions: PredictionTable
    predicted: NDArray[np.integer[Any]]
    features: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        outputs: Outputs,
        folder: ImageFolder,
        rule: DecisionRule,
        train_counts: Sequence[int],
        ranges: FeatureRanges | None,
    ) -> "Evaluation":
        """Return what the rule makes of outputs for the images of a test folder.

        train_counts: training images of each class. ranges: of the training images' features, by
        which the generalization gap is found.
        """
        metrics, decision = evaluate(outputs, folder.labels, folder.classes, rule, train_counts)
        metrics = {**metrics, "test_root": str(folder.root.absolute())}
        if ranges is not None:
            metrics = with_gap(metrics, ranges, outputs.features, folder, decision.predicted)
        table = prediction_table(folder.paths, folder.labels, folder.classes, decision)
        return cls(metrics, table, decision.predicted, outputs.features)


def evaluate(
    outputs: Outputs,
    labels: Sequence[int],
    classes: Sequence[str],
    rule: DecisionRule,
    train_counts: Sequence[int],
) -> tuple[MetricsRecord, Decision]:
    """Return how good the decisions on a test set are, for ``metrics.json``, and the decisions.

    Beside what ``metrics.score`` says: ``images``, ``classifier`` and ``threshold``, and by which
    class shares that divided. train_counts: training images of each class, for the groups of many,
    medium and few. Raises MetricError as ``metrics.score``.
    """
    warn_of_idle(rule)
    decision = rule.decide(outputs)
    scores = score(
        labels,
        decision.probabilities,
        classes,
        predicted=decision.predicted,
        train_counts=train_counts,
    )
    about = {
        "images": len(labels),
        "classifier": rule.classifier,
        "threshold": rule.asked,
    }
    metrics = cast(MetricsRecord, {**about, **scores})
    if rule.divided_by is not None:
        metrics["divided_by"] = dict(zip(classes, rule.divided_by, strict=True))
    if isinstance(rule.chosen, CostChoice):
        metrics["costs"] = dict(zip(classes, rule.chosen.costs, strict=True))
    elif rule.chosen is not None:
        metrics["power"] = rule.options["tau"]
    if rule.temperature is not None:
        metrics["temperature"] = rule.temperature
    return metrics, decision


def warn_of_idle(rule: DecisionRule) -> None:
    """Say so where the threshold never decides otherwise than the largest probability."""
    if rule.idle:
        log.warning(f"the threshold {rule.asked} changes no decision: {rule.idle}")


def with_gap(
    metrics: MetricsRecord,
    train: FeatureRanges,
    features: ArrayLike,
    tested: ImageFolder,
    predicted: NDArray[np.integer[Any]],
) -> MetricsRecord:
    """Add the generalization gap of test features [M, D] to metrics; None where it has none.

    It has ``net``; ``net_per_feature``, divided by D; and ``per_class``, of classes on both sides.
    predicted: the class index [M] decided on, for the gaps of ``true_positives`` and of
    ``false_positives`` (EOS, figure 4).
    """
    found = FeatureRanges.of(features, tested.labels)
    if train.by_class.keys().isdisjoint(found.by_class):
        reason = "no class has both training and test images, which a generalization gap compares"
        undefined = {**metrics.get("undefined", {}), "generalization_gap": reason}
        return {**metrics, "generalization_gap": None, "undefined": undefined}
    per_class, net = train.gap(found)
    gap: GapRecord = {
        "net": net,
        "net_per_feature": net / train.width,
        "per_class": {tested.classes[label]: gap for label, gap in per_class.items()},
    }
    right = predicted == np.array(tested.labels)
    gap["true_positives"] = _gap_of_part(train, features, predicted, right, tested.classes)
    gap["false_positives"] = _gap_of_part(train, features, predicted, ~right, tested.classes)
    return {**metrics, "generalization_gap": gap}


def _gap_of_part(
    train: FeatureRanges,
    features: ArrayLike,
    given: NDArray[np.integer[Any]],
    part: NDArray[np.bool_],
    classes: Sequence[str],
) -> GapPartRecord | None:
    """Measure some of the test images beyond the training images of the class they were given."""
    labels = given[part]
    if not np.isin(labels, list(train.by_class)).any():
        return None
    per_class, net = train.gap(FeatureRanges.of(np.asarray(features)[part], labels))
    sizes = np.bincount(labels, minlength=len(classes)).tolist()
    return {
        "net": net,
        "per_class": {classes[label]: gap for label, gap in per_class.items()},
        "images": {classes[label]: sizes[label] for label in per_class},
    }


def prediction_table(
    paths: Sequence[str], labels: Sequence[int], classes: Sequence[str], decision: Decision
) -> PredictionTable:
    """Header and rows of ``predictions.csv``.

    file_name, label, prediction, and for each class ``probability_`` and its name, so that no class
    can be taken for another column.
    """
    header = ["file_name", "label", "prediction", *(f"probability_{name}" for name in classes)]
    rows = zip(
        paths, labels, decision.predicted.tolist(), decision.probabilities.tolist(), strict=True
    )
    return header, [
        [path, classes[label], classes[predicted], *probabilities]
        for path, label, predicted, probabilities in rows
    ]
