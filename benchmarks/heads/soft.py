"""Logistic regression on samples of which each has its own mass of each class.

``rebalance.heads.logistic`` finds the same layer, of samples that weigh by class; here an image
repeated a hundred times is one of a hundred times the mass, and steps are fewer and cheaper.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.heads.linear import Linear
from rebalance.heads.logistic import MOST_STEPS

Floats = NDArray[np.float64]


def fit_soft(
    inputs: NDArray[np.floating[Any]],
    mass: Floats,
    penalty: float,
    *,
    start: Linear | None = None,
    tolerance: float = 1e-5,
) -> Linear:
    """Return the layer of least mean cross entropy plus ``penalty``/2 times its squared weights.

    inputs: [N, d], multiplied as float32. mass: how much of each sample is of each class [N, K], in
    any unit: a row that adds up to 2 counts as two samples. The bias is free. start: where the
    descent begins, zero by default. tolerance: the largest slope at which it ends.
    """
    from scipy.optimize import minimize

    columns = np.ones((len(inputs), inputs.shape[1] + 1), np.float32)
    columns[:, :-1] = inputs
    shared = (mass / mass.sum()).astype(np.float32)
    counted = shared.sum(axis=1, keepdims=True)
    shrink = np.full(columns.shape[1], penalty)
    shrink[-1] = 0
    # Each column in the unit in which the loss is about equally curved: far fewer steps.
    unit = np.sqrt(np.square(columns).T @ counted[:, 0] / mass.shape[1] + shrink)

    def value_and_slope(flat: Floats) -> tuple[float, Floats]:
        layer = flat.reshape(mass.shape[1], -1) / unit
        logits = columns @ layer.T.astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        totals = shares.sum(axis=1, keepdims=True)
        value = float(counted[:, 0] @ np.log(totals[:, 0])) - float(np.vdot(shared, logits))
        wrong = shares * (counted / totals) - shared
        slope = (wrong.T @ columns + shrink * layer) / unit
        return value + float((shrink * np.square(layer)).sum()) / 2, slope.ravel()

    begun = np.zeros((mass.shape[1], len(unit)))
    if start is not None:
        begun = np.concatenate([start.weight, start.bias[:, None]], axis=1)
    options: Any = {"maxiter": MOST_STEPS, "gtol": tolerance, "ftol": 1e-9, "maxcor": 20}
    found = minimize(
        value_and_slope, (begun * unit).ravel(), jac=True, method="L-BFGS-B", options=options
    )
    layer = found.x.reshape(begun.shape) / unit
    return Linear(layer[:, :-1], layer[:, -1])
