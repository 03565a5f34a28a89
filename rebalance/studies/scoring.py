"""What a probe's head says, decided and scored. May not import torch or click."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import MetricError
from rebalance.metrics import METRICS, as_predictions
from rebalance.scoring.thresholds import THRESHOLDS, Decision, Known
from rebalance.studies.plan import Definition


def decide(
    probabilities: NDArray[np.float64], definition: Definition, prior: NDArray[np.float64]
) -> Decision:
    """Return what the threshold of a treatment, its costs read, makes of probabilities [N, K]."""
    name, _, _ = definition.threshold.partition(":")
    known = Known(len(prior), prior.tolist, lambda: definition.costs or ())
    return THRESHOLDS[name](probabilities, **THRESHOLDS[name].options(known))


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
