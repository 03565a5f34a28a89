"""Samples that a head is fitted on, and others that it is compared by, in one space.

Imports numpy and nothing heavier.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.heads.folds import Sides
from rebalance.heads.linear import Floats, Linear
from rebalance.heads.scaling import whitening
from rebalance.oversampling.soft_labels import SoftLabels

Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Examples:
    """Samples to learn from: inputs [N, d] and their labels.

    weights: how much each class counts [K].
    """

    inputs: Floats
    labels: SoftLabels
    weights: Floats

    @property
    def classes(self) -> int:
        """The number of classes, K."""
        return len(self.weights)

    @property
    def amounts(self) -> Floats:
        """The amount of each class [K], in samples times the weight of the class."""
        return np.array(self.labels.amounts(self.classes)) * self.weights

    def whole(self) -> "NDArray[np.intp]":
        """Return the positions of samples that are of one class each."""
        return np.flatnonzero(self.labels.share == 0)

    def take(self, positions: NDArray[np.intp]) -> "Examples":
        """Return the samples at these positions."""
        return Examples(self.inputs[positions], self.labels.take(positions), self.weights)

    def turned(self, amount: float) -> "tuple[Examples, Floats]":
        """Return the samples whitened, and the matrix that does it: see ``scaling.whitening``.

        Those whose label is shared lie between classes, and have no part in the covariance.
        """
        own = self.take(self.whole()) if self.labels.shared else self
        turn = whitening(own.inputs, own.labels.own, amount)
        return Examples(self.inputs @ turn, self.labels, self.weights), turn


@dataclass(frozen=True, eq=False)
class Parting:
    """Samples to fit a head on by itself, and others to compare it by.

    compared: inputs [m, d] in the space that the fitted samples alone have shaped. truth: their
    class index [m]; classes that the fitted samples do not know are left out.
    """

    fitted: Examples
    compared: Floats
    truth: Labels

    @classmethod
    def of(cls, samples: Examples, sides: Sides, amount: float) -> "Parting":
        """Part samples, each side whitened by ``amount`` as the fitted ones have it.

        Only samples of one class each are compared by.
        """
        fitted, turn = samples.take(sides.fitted).turned(amount)
        held = samples.take(sides.compared)
        held = held.take(held.whole())
        known = (fitted.amounts > 0)[held.labels.own]
        return cls(fitted, held.inputs[known] @ turn, held.labels.own[known])

    def adjusted(self, layer: Linear, prior: NDArray[Any]) -> Floats:
        """Return the logits [m, K] that a layer gives, the prior that it knows divided out.

        prior: how much there was of each class [K], in any unit. A class of which there was nothing
        is never decided on.
        """
        there = self.fitted.amounts > 0
        with np.errstate(divide="ignore"):
            known = np.where(there, np.log(prior), np.inf)
        return layer.logits(self.compared) - known
