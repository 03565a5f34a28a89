"""Multinomial logistic regression by L-BFGS. Imports numpy, and scipy when it fits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.heads.examples import Examples
from rebalance.heads.linear import Floats, Linear

MOST_STEPS = 1000


def fit_logistic(
    samples: Examples, penalty: float, *, start: Linear | None = None, tolerance: float = 1e-6
) -> Linear:
    """Return the layer of least mean cross entropy plus ``penalty``/2 times its squared weights.

    The mean is divided by what the samples count together; a label that two classes share counts
    for each in its part, with the weight of that class. The bias is free. start: where the descent
    begins, zero by default. tolerance: the largest slope at which it ends.
    """
    from scipy.optimize import minimize

    classes, width = samples.classes, samples.inputs.shape[1]
    objective = PenalisedLoss(samples, penalty)
    begun = start or Linear(np.zeros((classes, width)), np.zeros(classes))
    flat = np.concatenate([begun.weight, begun.bias[:, None]], axis=1).ravel()
    options = {"maxiter": MOST_STEPS, "gtol": tolerance, "ftol": 1e-14, "maxcor": 20}
    found = minimize(objective, flat, jac=True, method="L-BFGS-B", options=options)
    return objective.layer(found.x)


class PenalisedLoss:
    """The function that ``fit_logistic`` minimises: of flat weights to its value and its slope."""

    def __init__(self, samples: Examples, penalty: float) -> None:
        labels, weights = samples.labels, samples.weights
        self.inputs, self.penalty, self.classes = samples.inputs, penalty, samples.classes
        self.own, self.other = labels.own, labels.other
        of_own = (1 - labels.share) * weights[labels.own]
        of_other = labels.share * weights[labels.other]
        whole = float((of_own + of_other).sum())
        self.of_own = of_own / whole
        self.of_other = of_other / whole if labels.shared else None

    def __call__(self, flat: Floats) -> tuple[float, Floats]:
        """Return the value, and the slope by each of the flat weights."""
        from scipy.special import log_softmax

        layer, rows = self.layer(flat), np.arange(len(self.inputs))
        said = log_softmax(layer.logits(self.inputs), axis=1)
        value = -float(self.of_own @ said[rows, self.own])
        wrong = np.exp(said)
        if self.of_other is None:
            wrong[rows, self.own] -= 1
            wrong *= self.of_own[:, None]
        else:
            value -= float(self.of_other @ said[rows, self.other])
            wrong *= (self.of_own + self.of_other)[:, None]
            wrong[rows, self.own] -= self.of_own
            wrong[rows, self.other] -= self.of_other
        slope = np.empty((self.classes, self.inputs.shape[1] + 1))
        slope[:, :-1] = wrong.T @ self.inputs + self.penalty * layer.weight
        slope[:, -1] = wrong.sum(axis=0)
        return value + self.penalty / 2 * float(np.square(layer.weight).sum()), slope.ravel()

    def layer(self, flat: NDArray[Any]) -> Linear:
        """Return the layer that flat weights are."""
        both = flat.reshape(self.classes, -1)
        return Linear(both[:, :-1], both[:, -1])
