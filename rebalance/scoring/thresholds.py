"""Thresholds: which class to decide on, where the largest probability is not the answer.

A new one is a function here and its line in ``THRESHOLDS``; its keyword options are plain numbers,
for a run to store and decide the same way again. Imports numpy and nothing heavier; may not import
torch or click.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import MetricError
from rebalance.metrics.checks import as_probabilities


class Decision(NamedTuple):
    """What ``metrics.score`` scores: probabilities [N, K], and the class index decided on [N]."""

    probabilities: NDArray[np.float64]
    predicted: NDArray[np.intp]


def none(probabilities: ArrayLike) -> Decision:
    """The largest probability (tie: the lower class index); no options."""
    values = as_probabilities(probabilities)
    return Decision(values, values.argmax(axis=1))


def prior(
    probabilities: ArrayLike, train_prior: Sequence[float], target_prior: Sequence[float]
) -> Decision:
    """The largest probability after ``prior_shift`` (tie: the lower class index)."""
    return none(prior_shift(probabilities, train_prior, target_prior))


def cost(probabilities: ArrayLike, matrix: Sequence[Sequence[float]]) -> Decision:
    """``cost_decision``; the probabilities stay as they are."""
    return Decision(as_probabilities(probabilities), cost_decision(probabilities, matrix))


THRESHOLDS: dict[str, Callable[..., Decision]] = {
    threshold.__name__: threshold
    for threshold in (
        none,
        prior,
        cost,
    )
}


def effective_prior(draws: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """The class shares [K] that training amounted to: how often drawn, times the loss weight.

    draws: how often training drew each class, in any unit: its images, or equal numbers under a
    class-balanced sampler. weights: of each class in the loss; ones where it has none.
    MetricError unless all are positive and finite.
    """
    classes = np.size(draws)
    drawn = _positive(draws, "the number of draws", classes)
    shares = drawn * _positive(weights, "the loss weight", classes)
    shares /= shares.sum()
    return shares


def prior_shift(
    probabilities: ArrayLike, train_prior: ArrayLike, target_prior: ArrayLike
) -> NDArray[np.float64]:
    """q ∝ p · target / train: the probabilities [N, K] under other class shares; rows add up to 1.

    train_prior: the *effective* shares [K] of training (``effective_prior``); those of the data
    before oversampling would correct twice. target_prior: the shares [K] where it is used. Both in
    any unit, so that counts will do. Saerens, Latinne & Decaestecker 2002.
    MetricError unless all are positive and finite.
    """
    values = as_probabilities(probabilities)
    classes = values.shape[1]
    train = _positive(train_prior, "the training prior", classes)
    target = _positive(target_prior, "the target prior", classes)
    shifted = values * target / train
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def cost_decision(probabilities: ArrayLike, cost: ArrayLike) -> NDArray[np.intp]:
    """argmin_i Σ_j cost[i][j] · p_j, the class [N] of least expected cost (Elkan 2001).

    cost: [K, K], by predicted (row) and true class (column). A tie goes to the lower class index.
    MetricError for a matrix that ``check_cost`` refuses.
    """
    values = as_probabilities(probabilities)
    costs = check_cost(cost, values.shape[1])
    # Against the dearest mistake, rather than against zero: where cost depends on the true class
    # alone each sum has one term, and rounding can neither make a tie nor break one.
    savings = costs.max(axis=0) - costs
    decided: NDArray[np.intp] = (values @ savings.T).argmax(axis=1)
    return decided


def cost_threshold(cost: ArrayLike) -> float:
    """For two classes, p* = c10 / (c10 + c01): class 1 is decided on where p_1 is above it.

    MetricError for a matrix that is not 2 × 2 or that ``check_cost`` refuses.
    """
    costs = check_cost(cost, 2)
    return float(costs[1, 0] / (costs[1, 0] + costs[0, 1]))


def check_cost(cost: ArrayLike, classes: int) -> NDArray[np.float64]:
    """A cost matrix [K, K] by predicted and true class, in double precision.

    MetricError for another shape, a cost that is negative or not finite, a right answer that costs
    something, and a class that costs nothing whatever is predicted.
    """
    costs = np.asarray(cost, dtype=np.float64)
    needed = f"a cost matrix needs {classes} rows (predicted) and columns (true)"
    if costs.shape != (classes, classes):
        raise MetricError(f"{needed}, but has the shape {costs.shape}")
    if not np.isfinite(costs).all() or (costs < 0).any():
        raise MetricError(f"{needed} of finite costs from 0 up, but the least is {costs.min()}")
    if costs.diagonal().any():
        label = int(np.argmax(costs.diagonal() != 0))
        raise MetricError(
            f"{needed} with a diagonal of zeros, but to be right about class {label} costs "
            f"{costs[label, label]:g}"
        )
    if not costs.any(axis=0).all():
        label = int(np.argmin(costs.any(axis=0)))
        raise MetricError(
            f"{needed} with a cost in each column, but mistakes about class {label} cost nothing"
        )
    return costs


def _positive(values: ArrayLike, what: str, classes: int) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (classes,):
        raise MetricError(
            f"{what} is needed as a number for each of {classes} classes, but has the shape "
            f"{numbers.shape}"
        )
    usable = np.isfinite(numbers) & (numbers > 0)
    if not usable.all():
        label = int(np.argmin(usable))
        raise MetricError(
            f"{what} must be positive and finite for every class, but is {numbers[label]:g} for "
            f"class {label}: leave a class that does not occur out"
        )
    return numbers
