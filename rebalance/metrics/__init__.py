"""Measures of how good predictions are where classes are imbalanced, and of how far features lie.

Pure functions of arrays: they read no files, and may not import torch or click. A new metric is a
function in ``scores`` and its line in ``METRICS``.
"""

from rebalance.metrics.calibration import Reliability
from rebalance.metrics.gap import FeatureRanges, GeneralizationGap, generalization_gap
from rebalance.metrics.predictions import Predictions, as_predictions
from rebalance.metrics.scores import METRICS, Metric
from rebalance.metrics.summary import class_scores, score, shot_groups

__all__ = [
    "METRICS",
    "FeatureRanges",
    "GeneralizationGap",
    "Metric",
    "Predictions",
    "Reliability",
    "as_predictions",
    "class_scores",
    "generalization_gap",
    "score",
    "shot_groups",
]
