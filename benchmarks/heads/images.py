"""Images as heads see them: features and classes; and what a head learns from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.heads.folds import dealt
from rebalance.heads.scaling import MOST_COMPONENTS, Scaling, standardised

Features = NDArray[np.float32]
Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Positions = NDArray[np.intp]
FOLDS = 3


@dataclass(frozen=True, eq=False)
class Images:
    """Features [N, D] of images, their class indices [N], and to how many components they turn."""

    features: Features
    labels: Labels
    components: int = MOST_COMPONENTS

    def take(self, positions: Positions) -> "Images":
        """The images at these positions."""
        return Images(self.features[positions], self.labels[positions], self.components)

    @cached_property
    def sizes(self) -> Labels:
        """Images of each class [K]."""
        return np.bincount(self.labels)

    @cached_property
    def whole(self) -> Floats:
        """How much of each class each image has [N, K]."""
        return np.eye(len(self.sizes))[self.labels]

    @cached_property
    def scaling(self) -> Scaling:
        """Standardised and turned, as all rows have it."""
        return standardised(self.features, self.components)

    @cached_property
    def folds(self) -> list[tuple["Images", Positions]]:
        """What is seen of each fold, and the positions of what is held out."""
        own = np.arange(len(self.labels))
        fold = dealt(self.labels, own, FOLDS, seeds.integer(0, "heads"), grouped=False)
        return [
            (self.take(np.flatnonzero(fold != each)), np.flatnonzero(fold == each))
            for each in range(FOLDS)
        ]


@dataclass(frozen=True, eq=False)
class Training:
    """What a head learns from: features [M, D], and how much of each class each has [M, K]."""

    features: Features
    mass: Floats

    @property
    def prior(self) -> Floats:
        """The share of each class [K] in all of it."""
        amounts: Floats = self.mass.sum(axis=0)
        return amounts / amounts.sum()
