"""Class shares of training, and probabilities under other ones.

Imports numpy and nothing heavier; may not import torch or click.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import MetricError
from rebalance.metrics.arrays import as_probabilities


def effective_prior(draws: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """The class shares [K] that training amounted to: how often drawn, times the loss weight.

    draws: how often training drew each class, in any unit: its images, or equal numbers under a
    class-balanced sampler. weights: of each class in the loss; ones where it has none.
    MetricError unless all are positive and finite.

    >>> from rebalance.scoring import effective_prior
    >>> effective_prior([900, 100], [1.0, 3.0]).round(2).tolist()
    [0.75, 0.25]
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

    >>> from rebalance.scoring import prior_shift
    >>> prior_shift([[0.7, 0.3]], [90, 10], [50, 50]).round(3).tolist()
    [[0.206, 0.794]]
    """
    values = as_probabilities(probabilities)
    classes = values.shape[1]
    train = _positive(train_prior, "the training prior", classes)
    target = _positive(target_prior, "the target prior", classes)
    shifted = values * target / train
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


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
            f"class {label}: leave a class that does not occur out",
            label,
        )
    return numbers
