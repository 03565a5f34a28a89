"""Multinomial logistic regression by L-BFGS. Imports numpy, and scipy when it fits."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]

MOST_STEPS = 1000


class Linear(NamedTuple):
    """A linear layer: weight [K, d] and bias [K]."""

    weight: Floats
    bias: Floats

    def logits(self, inputs: Floats) -> Floats:
        """Return what it says of inputs [N, d]: [N, K]."""
        said: Floats = inputs @ self.weight.T + self.bias
        return said


def fit_logistic(
    inputs: Floats,
    labels: Labels,
    classes: int,
    penalty: float,
    *,
    weights: Floats | None = None,
    start: Linear | None = None,
    tolerance: float = 1e-6,
) -> Linear:
    """Return the layer of least mean cross entropy plus ``penalty``/2 times its squared weights.

    inputs: [N, d]. labels: class index [N]. weights: how much each class counts [K]; the mean is
    divided by what its samples count together. The bias is free. start: where the descent begins,
    zero by default. tolerance: the largest slope at which it ends.
    """
    from scipy.optimize import minimize

    width = inputs.shape[1]
    counted = np.ones(len(labels)) if weights is None else np.asarray(weights, float)[labels]
    counted = counted / counted.sum()
    rows = np.arange(len(labels))

    def value_and_slope(flat: Floats) -> tuple[float, Floats]:
        layer = _layer(flat, classes, width)
        shares = log_shares(layer.logits(inputs))
        value = -float(counted @ shares[rows, labels])
        wrong = np.exp(shares)
        wrong[rows, labels] -= 1
        wrong *= counted[:, None]
        slope = np.empty((classes, width + 1))
        slope[:, :width] = wrong.T @ inputs + penalty * layer.weight
        slope[:, width] = wrong.sum(axis=0)
        return value + penalty / 2 * float(np.square(layer.weight).sum()), slope.ravel()

    begun = start or Linear(np.zeros((classes, width)), np.zeros(classes))
    flat = np.concatenate([begun.weight, begun.bias[:, None]], axis=1).ravel()
    options = {"maxiter": MOST_STEPS, "gtol": tolerance, "ftol": 1e-14, "maxcor": 20}
    found = minimize(value_and_slope, flat, jac=True, method="L-BFGS-B", options=options)
    return _layer(found.x, classes, width)


def log_shares(logits: Floats) -> Floats:
    """Return the logarithm of the softmax of each row [N, K]."""
    nearby = logits - logits.max(axis=1, keepdims=True)
    found: Floats = nearby - np.log(np.exp(nearby).sum(axis=1, keepdims=True))
    return found


def _layer(flat: Floats, classes: int, width: int) -> Linear:
    both = flat.reshape(classes, width + 1)
    return Linear(both[:, :width], both[:, width])
