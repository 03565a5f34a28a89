"""What a probe's head says, decided and scored. May not import torch or click."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import MetricError
from rebalance.metrics import METRICS, as_predictions
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.searched_costs import alike, check_held
from rebalance.scoring.temperature import tempered
from rebalance.scoring.thresholds import THRESHOLDS, Decision, Known, parsed
from rebalance.studies.outcomes import BY_CLASS
from rebalance.studies.plan import Definition

CALIBRATED = "_calibrated"  # after the name of a metric, where a temperature came before


def rule_of(definition: Definition, amounts: Amounts) -> DecisionRule:
    """Return how a treatment, its costs read, decides after a training that came to ``amounts``."""
    asked = parsed(definition.threshold)
    classes = len(amounts.draws)
    known = Known(
        classes,
        amounts.prior,
        amounts.original,
        lambda: definition.costs or alike(classes),
        asked.tau,
    )
    return DecisionRule(asked.name, THRESHOLDS[asked.name].options(known))


def decide(probabilities: NDArray[np.float64], rule: DecisionRule) -> Decision:
    """Return what the rule makes of the probabilities [N, K] of a head."""
    return THRESHOLDS[rule.threshold](probabilities, **rule.options)


def calibrated(
    rule: DecisionRule, amounts: Amounts, held: tuple[NDArray[np.float64], NDArray[np.int64]]
) -> DecisionRule:
    """Return the rule with the temperature that fits what was held out of training.

    held: its logits [M, K], without the class shares that the head knows, and its labels [M].
    """
    return rule.calibrated(*_said(amounts, held))


def searched(
    rule: DecisionRule,
    amounts: Amounts,
    held: tuple[NDArray[np.float64], NDArray[np.int64]] | None,
    classes: Sequence[str],
    stream: int,
) -> DecisionRule:
    """Return the rule with the costs that do best on what was held out of training.

    held: as for ``calibrated``; stream: the seed. Raises SettingError where a class has no sample
    there.
    """
    labels = [] if held is None else held[1].tolist()
    check_held(labels, classes, f"threshold {rule.asked}")
    assert held is not None
    return rule.chosen_on(*_said(amounts, held), "folds", seed=stream)


def _said(
    amounts: Amounts, held: tuple[NDArray[np.float64], NDArray[np.int64]]
) -> tuple[Outputs, list[int]]:
    """What a head says of what was held out, its knowledge of class shares included."""
    from scipy.special import softmax

    logits, labels = held
    probabilities = softmax(logits + np.log(amounts.prior()), axis=1)
    return Outputs(probabilities, np.empty((len(labels), 0), np.float32)), labels.tolist()


def errors_once_calibrated(
    labels: Any, decision: Decision, classes: Sequence[str], rule: DecisionRule
) -> dict[str, float]:
    """The calibration errors of what was decided, at the temperature of ``rule``."""
    told = tempered(decision.probabilities, rule.temperature or 1.0)
    predictions = as_predictions(labels, told, classes, decision.predicted)
    return {f"{name}{CALIBRATED}": METRICS[name](predictions) for name in ("ece", "ece_balanced")}


def scores(labels: Any, decision: Decision, classes: Sequence[str]) -> dict[str, float]:
    """Every metric by its name, and the recall of each class; NaN where these labels have none."""
    predictions = as_predictions(labels, decision.probabilities, classes, decision.predicted)
    found = {}
    for name, metric in METRICS.items():
        try:
            found[name] = metric(predictions)
        except MetricError:
            found[name] = math.nan
    hits, support = predictions.confusion.diagonal(), predictions.support
    for label, name in enumerate(classes):
        found[BY_CLASS + name] = float(hits[label] / support[label]) if support[label] else math.nan
    return found
