"""The samples that are cut and raised: their labels, their features and the seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.standardisation import FeatureMatrix, Floats

Positions = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Population:
    """Samples of known classes.

    labels: the index [N] of each sample's class in ``classes``, the classes' names. layers: the
    features by layer, a matrix [N, D] each; none where no method looks at them. seed: of everything
    random that is done with them. candidates: the class [M] of each image that may be added from
    elsewhere; None where none are given.
    """

    labels: NDArray[np.int64]
    classes: Sequence[str]
    layers: Mapping[str, FeatureMatrix]
    seed: int
    candidates: NDArray[np.int64] | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Samples per class by name, in class order."""
        counts = np.bincount(self.labels, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, counts, strict=True))

    def members(self, label: int) -> Positions:
        """The rising positions of the samples of a class."""
        return np.flatnonzero(self.labels == label)

    def take(self, positions: Positions) -> "Population":
        """The samples at ``positions``, with the same seed."""
        layers = {name: features.take(positions) for name, features in self.layers.items()}
        return replace(self, labels=self.labels[positions], layers=layers)

    def features(self, layer: str, positions: Positions | None = None) -> Floats:
        """The features [n, D] of a layer at these positions; None is of all samples.

        They are in single precision, or in double where they are given so.
        """
        features = self.layers[layer]
        if positions is not None:
            features = features.take(positions)
        values = features.read(slice(None), slice(None))
        return values if values.dtype == np.float64 else values.astype(np.float32)
