"""The power of the class shares that a threshold divides by, chosen on images held out.

Imports numpy, and scipy when it fits; may not import torch or click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rebalance.metrics.arrays import as_labels, as_probabilities
from rebalance.metrics.scores import SMALLEST_PROBABILITY
from rebalance.scoring.priors import prior_shift
from rebalance.scoring.temperature import fit_temperature, tempered

POWERS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)


@dataclass(frozen=True)
class PowerChoice:
    """A choice of a power. by: what was held out, in words. tried: the loss by each power."""

    by: str
    tried: Mapping[float, float]

    @property
    def best(self) -> float:
        """The power of least loss (tie: the lower)."""
        return min(self.tried, key=self.tried.__getitem__)


def try_powers(
    probabilities: ArrayLike,
    labels: ArrayLike,
    train_prior: Sequence[float],
    target_prior: Sequence[float],
) -> dict[float, float]:
    """Return the loss on held-out images by each of ``POWERS`` of the shares that are divided by.

    probabilities: [N, K]. labels: the true class index [N]. The loss is the mean over classes of
    the mean log loss of their images, at the temperature that is best for the power: a network that
    is too sure needs a power above 1, and its sureness is not to be taken for more.

    >>> from rebalance.scoring.powers import try_powers
    >>> said = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]
    >>> losses = try_powers(said, [0, 0, 1, 1], [0.75, 0.25], [0.5, 0.5])
    >>> losses[1.0] < losses[0.0]
    True
    """
    values = as_probabilities(probabilities)
    own = as_labels(labels, *values.shape)
    counts = np.bincount(own)
    weights = 1 / counts[own] / np.count_nonzero(counts)
    rows, losses = np.arange(len(own)), {}
    for power in POWERS:
        shifted = prior_shift(values, np.power(train_prior, power), np.power(target_prior, power))
        likely = tempered(shifted, fit_temperature(shifted, own, tau=1.0))[rows, own]
        losses[power] = -float(weights @ np.log(np.maximum(likely, SMALLEST_PROBABILITY)))
    return losses
