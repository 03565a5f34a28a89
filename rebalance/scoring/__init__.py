"""From probabilities or features to decisions: thresholds, and category centres.

Pure functions of arrays: they read no files, and may not import torch or click. What they need is
fitted on training or validation data, never on the test set.
"""

from rebalance.scoring.centres import Centres, class_centres, nearest_centre
from rebalance.scoring.thresholds import (
    THRESHOLDS,
    Decision,
    check_cost,
    cost_decision,
    cost_threshold,
    effective_prior,
    prior_shift,
)

__all__ = [
    "THRESHOLDS",
    "Centres",
    "Decision",
    "check_cost",
    "class_centres",
    "cost_decision",
    "cost_threshold",
    "effective_prior",
    "nearest_centre",
    "prior_shift",
]
