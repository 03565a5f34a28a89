"""What a probe's head says, decided and scored. May not import torch or click."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import MetricError
from rebalance.metrics import METRICS, as_predictions
from rebalance.scoring import THRESHOLDS
from rebalance.scoring.thresholds import Decision
from rebalance.studies.plan import Definition


def decide(
    probabilities: NDArray[np.float64], definition: Definition, prior: NDArray[np.float64]
) -> Decision:
    """What the threshold of a treatment makes of probabilities [N, K].

    ``prior`` is to a test set with as many images of each class.
    """
    if definition.costs is not None:
        return THRESHOLDS["cost"](probabilities, matrix=definition.costs)
    if definition.threshold == "none":
        return THRESHOLDS["none"](probabilities)
    return THRESHOLDS["prior"](
        probabilities, train_prior=prior.tolist(), target_prior=[1 / len(prior)] * len(prior)
    )


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
