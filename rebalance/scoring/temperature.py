"""A temperature: one number that makes probabilities surer or less sure, and changes no decision.

Imports numpy, and scipy when it fits; may not import torch or click.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.metrics.arrays import as_labels, as_probabilities
from rebalance.metrics.scores import SMALLEST_PROBABILITY

BOUNDS = (0.05, 20.0)  # beyond these probabilities are as good as certain, or as good as alike


def tempered(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """q ∝ p^(1 / temperature): probabilities [N, K] whose rows add up to 1, in the same order.

    For a softmax that is the softmax of the logits over the temperature. Above 1 they are less
    sure, below it surer. Source: Guo et al. 2017. MetricError for no probabilities.

    >>> from rebalance.scoring import tempered
    >>> tempered([[0.9, 0.1]], 2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    values = as_probabilities(probabilities)
    top: NDArray[np.float64] = values.max(axis=1, keepdims=True)
    powers: NDArray[np.float64] = (values / top) ** (1 / temperature)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike, *, tau: float = 0.0) -> float:
    """Find the temperature of the smallest log loss on validation images.

    probabilities: [N, K]. labels: the true class index [N]. tau: each image counts as one over that
    power of the number of images of its class: 0, all images alike; 1, all classes alike, as where
    probabilities are for a test set with as many of each. MetricError for input that cannot be.

    >>> from rebalance.scoring import fit_temperature
    >>> sure = [[0.99, 0.01], [0.99, 0.01], [0.99, 0.01], [0.99, 0.01]]
    >>> round(fit_temperature(sure, [0, 0, 0, 1]), 2)  # right in three of four
    4.18
    """
    from scipy.optimize import minimize_scalar

    values = as_probabilities(probabilities)
    own = as_labels(labels, *values.shape)
    rows = np.arange(len(own))
    weights = np.bincount(own)[own] ** -float(tau)
    weights /= weights.sum()

    def surprise(log_temperature: float) -> float:
        likelihood = tempered(values, float(np.exp(log_temperature)))[rows, own]
        return float(-weights @ np.log(np.maximum(likelihood, SMALLEST_PROBABILITY)))

    lowest, highest = np.log(BOUNDS)
    found = minimize_scalar(surprise, bounds=(lowest, highest), method="bounded")
    return float(np.exp(found.x))
