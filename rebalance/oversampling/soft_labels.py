"""Labels that two classes share. Imports numpy and nothing heavier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """The label of each sample: 1 - ``share`` of it is the class ``own``, the rest ``other``.

    own, other: class indices [N]. share: in [0, 1] [N]; 0 for a label of one class.
    """

    own: NDArray[np.int64]
    other: NDArray[np.int64]
    share: NDArray[np.float64]

    @classmethod
    def plain(cls, labels: NDArray[np.int64]) -> "SoftLabels":
        """Labels of one class each."""
        return cls(labels, labels, np.zeros(len(labels)))

    @classmethod
    def read(cls, labels: Sequence[int], shares: Mapping[int, tuple[int, float]]) -> "SoftLabels":
        """Labels of which some are shared: by position, another class and how much it has."""
        found = cls.plain(np.array(labels, np.int64))
        if not shares:
            return found
        other = found.own.copy()
        for position, (label, share) in shares.items():
            other[position], found.share[position] = label, share
        return replace(found, other=other)

    @property
    def shared(self) -> bool:
        """Tell whether two classes share any of them."""
        return bool(self.share.any())

    def joined(self, more: "SoftLabels") -> "SoftLabels":
        """Return these and then those."""
        return SoftLabels(
            np.concatenate([self.own, more.own]),
            np.concatenate([self.other, more.other]),
            np.concatenate([self.share, more.share]),
        )

    def take(self, positions: NDArray[np.int64]) -> "SoftLabels":
        """Return the labels at these positions."""
        return SoftLabels(self.own[positions], self.other[positions], self.share[positions])

    def amounts(self, classes: int) -> list[float]:
        """How many samples' worth each class [K] has: a shared label counts for both in part.

        >>> import numpy as np
        >>> from rebalance.oversampling.soft_labels import SoftLabels
        >>> own, other = np.array([0, 0, 1]), np.array([0, 1, 0])
        >>> SoftLabels(own, other, np.array([0.0, 0.75, 0.5])).amounts(2)
        [1.75, 1.25]
        """
        own = np.bincount(self.own, 1 - self.share, minlength=classes)
        found: list[float] = (own + np.bincount(self.other, self.share, minlength=classes)).tolist()
        return found

    def drawn(self, draws: Sequence[float]) -> list[float]:
        """The same where the samples of each class ``own`` [K] are drawn so often in all."""
        classes = len(draws)
        held = np.bincount(self.own, minlength=classes)
        often = np.asarray(draws) / np.maximum(held, 1)
        own = np.bincount(self.own, (1 - self.share) * often[self.own], minlength=classes)
        other = np.bincount(self.other, self.share * often[self.own], minlength=classes)
        found: list[float] = (own + other).tolist()
        return found
