"""What a probe's head says, decided and scored. May not import torch or click."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import MetricError
from rebalance.metrics import METRICS, as_predictions
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.thresholds import THRESHOLDS, Decision, Known, parsed
from rebalance.studies.plan import Definition


def rule_of(definition: Definition, amounts: Amounts) -> DecisionRule:
    """Return how a treatment, its costs read, decides after a training that came to ``amounts``."""
    asked = parsed(definition.threshold)
    classes = len(amounts.draws)
    known = Known(
        classes, amounts.prior, amounts.original, lambda: definition.costs or (), asked.tau
    )
    return DecisionRule(asked.name, THRESHOLDS[asked.name].options(known))


def decide(probabilities: NDArray[np.float64], rule: DecisionRule) -> Decision:
    """Return what the rule makes of the probabilities [N, K] of a head."""
    return THRESHOLDS[rule.threshold](probabilities, **rule.options)


def scores(labels: Any, decision: Decision, classes: Sequence[str]) -> dict[str, float]:
    """Every metric by its name; NaN where it is not defined for these labels."""
    predictions = as_predictions(labels, decision.probabilities, classes, decision.predicted)
    found = {}
    for name, metric in METRICS.items():
        try:
            found[name] = metric(predictions)
        except MetricError:
            found[name] = math.nan
    return found
