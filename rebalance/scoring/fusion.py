"""What several networks say of the same images, taken together: the mean of their probabilities.

May not import torch or click.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from rebalance.data.folder import ImageFolder
from rebalance.errors import SettingError, shown
from rebalance.metrics import score
from rebalance.records import MetricsRecord
from rebalance.scoring.evaluation import PredictionTable, prediction_table, warn_of_idle
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.thresholds import THRESHOLDS, Decision


def check_alike(rules: Sequence[DecisionRule], names: Sequence[str]) -> None:
    """Raise SettingError unless all decide in one way, and by the same costs where by any.

    names: of the runs whose rules they are. What a rule was fitted to may differ from run to run.
    """
    for rule, name in zip(rules, names, strict=True):
        if rule.name != rules[0].name:
            raise SettingError(
                f"runs that decide together decide in one way, but {shown(names[0])} does by "
                f"{rules[0].name}, and {shown(name)} by {rule.name}: say how with --classifier and "
                "--threshold"
            )
        if THRESHOLDS[rule.threshold].needs_costs and rule.options != rules[0].options:
            raise SettingError(
                f"runs that decide together need the same costs, but those of {shown(names[0])} "
                f"and {shown(name)} differ: give one file with --threshold cost:FILE"
            )


def fused(decisions: Sequence[Decision], rule: DecisionRule) -> Decision:
    """The mean of the probabilities [N, K] that each run decides by, and the class it decides on.

    Each is as its run has it: by its own head or centres, divided by the class shares of its own
    training, at its own temperature. So runs that saw the classes in different shares are fused for
    one test set. rule: of any of the runs, see ``check_alike``; its costs, which divide nothing,
    are applied to the mean.

    >>> from rebalance.scoring.fusion import fused
    >>> from rebalance.scoring.rules import DecisionRule
    >>> from rebalance.scoring.thresholds import none
    >>> found = fused([none([[0.75, 0.25]]), none([[0.125, 0.875]])], DecisionRule())
    >>> found.probabilities.tolist(), found.predicted.tolist()
    ([[0.4375, 0.5625]], [1])
    """
    mean = np.mean([each.probabilities for each in decisions], axis=0)
    if THRESHOLDS[rule.threshold].needs_costs:
        return THRESHOLDS[rule.threshold](mean, **rule.options)
    return THRESHOLDS["none"](mean)


def evaluate_together(
    decisions: Sequence[Decision],
    rules: Sequence[DecisionRule],
    names: Sequence[str],
    folder: ImageFolder,
    train_counts: Sequence[int],
) -> tuple[MetricsRecord, PredictionTable]:
    """Return how good several runs are together, and each by itself; and their predictions.

    train_counts: training images of each class. Metrics of one network, such as the generalization
    gap, are not among these.
    """
    warn_of_idle(rules[0])
    decided = fused(decisions, rules[0])
    scores = [
        score(
            folder.labels,
            each.probabilities,
            folder.classes,
            predicted=each.predicted,
            train_counts=train_counts,
        )
        for each in (decided, *decisions)
    ]
    metrics = {
        "images": len(folder.labels),
        "classifier": rules[0].classifier,
        "threshold": rules[0].asked,
        **scores[0],
        "test_root": str(folder.root.absolute()),
        "runs": [
            {
                "run": name,
                "accuracy": own["accuracy"],
                "balanced_accuracy": own["balanced_accuracy"],
            }
            for name, own in zip(names, scores[1:], strict=True)
        ],
    }
    table = prediction_table(folder.paths, folder.labels, folder.classes, decided)
    return cast(MetricsRecord, metrics), table
