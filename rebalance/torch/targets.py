"""Targets whose label two classes share. Imports torch."""

import logging

import torch
from torch import Tensor

from rebalance.oversampling.soft_labels import SoftLabels

log = logging.getLogger("rebalance")


def soft_target(labels: SoftLabels, index: int, classes: int) -> Tensor:
    """Return how much of a sample is of each class, float32 [classes], which sums to 1."""
    found = torch.zeros(classes)
    share = float(labels.share[index])
    found[int(labels.own[index])] += 1 - share
    found[int(labels.other[index])] += share
    return found


def warn_of_shares(labels: SoftLabels) -> None:
    """Say in the log where labels of two classes are about to count as one."""
    if labels.shared:
        log.warning(
            "%d samples have a label that two classes share: each counts as its base's class; "
            "soft_targets=True gives both",
            int((labels.share > 0).sum()),
        )
