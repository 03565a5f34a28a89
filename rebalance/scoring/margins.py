"""Margins of classes as probabilities: a softmax over a temperature that unseen images fit.

Imports numpy and nothing heavier, scipy only when it fits; may not import torch or click.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.scoring.temperature import fit_temperature
from rebalance.scoring.thresholds import Decision

FOLDS = 3

Floats = NDArray[np.float64]
Margins = Callable[[NDArray[Any]], Floats]  # of features [n, D] to [n, K]


def decision_by(margins: Floats, temperature: float) -> Decision:
    """The class of the largest margin [N, K] (tie: the lower class index)."""
    powers = np.exp((margins - margins.max(axis=1, keepdims=True)) / temperature)
    return Decision(powers / powers.sum(axis=1, keepdims=True), margins.argmax(axis=1))


def fit_margins_temperature(
    features: NDArray[Any],
    labels: NDArray[np.int64],
    fit: Callable[[NDArray[Any], NDArray[np.int64]], Margins],
) -> float:
    """Find the temperature of the smallest log loss on images held out, fold by fold.

    fit: on some of the features [N, D] and labels [N], to the margins of others. The only image of
    a class is never held out; where none can be, the temperature is 1.
    """
    fold, held, truth = _folds(labels), [], []
    for number in range(FOLDS):
        out = fold == number
        if out.any():
            held.append(fit(features[~out], labels[~out])(features[out]))
            truth.append(labels[out])
    if not held:
        return 1.0
    said = decision_by(np.concatenate(held), 1.0).probabilities
    return fit_temperature(said, np.concatenate(truth))


def _folds(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold [N] that each image is held out in, in turn within its class; -1 for none."""
    fold = np.full(len(labels), -1)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) > 1:
            fold[own] = np.arange(len(own)) % FOLDS
    return fold
