"""The generalization gap: how far the test set's features lie outside the training set's.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import FeatureError
from rebalance.metrics.arrays import as_features, as_integers


class GeneralizationGap(NamedTuple):
    """The gap of each class index that both sides have, and the net gap: their mean."""

    per_class: dict[int, float]
    net: float

    def per_feature(self, width: int) -> "GeneralizationGap":
        """Divide the gap by ``width``, the number of features, to compare networks."""
        per_class = {label: gap / width for label, gap in self.per_class.items()}
        return GeneralizationGap(per_class, self.net / width)


@dataclass(frozen=True, eq=False)
class FeatureRanges:
    """The smallest and the largest value of each feature [2, D], for each class index.

    layer: of the network, that the features are of.
    """

    by_class: Mapping[int, NDArray[np.float64]]
    layer: str = "embedding"

    @classmethod
    def of(cls, features: ArrayLike, labels: ArrayLike) -> "FeatureRanges":
        """Find the ranges of features [N, D] under integer labels [N].

        FeatureError for features that are not finite; MetricError for labels that do not fit.
        """
        values = as_features(features)
        numbers = as_integers(labels, len(values))
        ranges = {}
        for label in np.unique(numbers).tolist():
            rows = values[numbers == label]
            # Half precision would overflow in the differences.
            ranges[label] = np.stack((rows.min(axis=0), rows.max(axis=0))).astype(np.float64)
        return cls(ranges)

    def joined(self, other: "FeatureRanges") -> "FeatureRanges":
        """Return the ranges of both tables together."""
        joined = dict(self.by_class)
        for label, (low, high) in other.by_class.items():
            mine = joined.get(label, np.stack((low, high)))
            joined[label] = np.stack((np.minimum(mine[0], low), np.maximum(mine[1], high)))
        return FeatureRanges(joined)

    @property
    def width(self) -> int:
        """The number of features D; 0 where there is no class."""
        return next((ranges.shape[1] for ranges in self.by_class.values()), 0)

    def gap(self, test: "FeatureRanges") -> GeneralizationGap:
        """Measure how far the ranges of a test set lie outside: see ``generalization_gap``."""
        shared = sorted(self.by_class.keys() & test.by_class.keys())
        if not shared:
            raise FeatureError(
                "a generalization gap needs a class with training and test images, but none of the "
                f"{len(self.by_class)} of the one side is among the {len(test.by_class)} of the "
                "other: use one class order for both"
            )
        if self.width != test.width:
            raise FeatureError(
                f"training and test features must be as many, but are {self.width} and "
                f"{test.width}: extract both with the same network and layer"
            )
        gaps = {label: _gap(self.by_class[label], test.by_class[label]) for label in shared}
        return GeneralizationGap(gaps, float(np.mean(list(gaps.values()))))


def generalization_gap(
    train: ArrayLike, train_labels: ArrayLike, test: ArrayLike, test_labels: ArrayLike
) -> GeneralizationGap:
    """Sum over features how far test images lie outside their class's range in training.

    train: features [N, D], train_labels: integers [N]; test: [M, D], test_labels: [M]. For a class
    it is Σ max(0, max_test − max_train) + max(0, min_train − min_test) over the features, in their
    unit: 0 where every test image lies within. A class that only one side has is left out.

    Algorithm 1 of EOS (Dablain et al. 2023), made exact. FeatureError for features that are not
    finite or do not match, and where no class is on both sides; MetricError for labels that do not
    fit.

    >>> from rebalance.metrics import generalization_gap
    >>> train, test = [[0.0, 1.0], [2.0, 3.0]], [[1.0, 2.0], [2.5, 0.0]]
    >>> generalization_gap(train, [0, 0], test, [0, 0])
    GeneralizationGap(per_class={0: 1.5}, net=1.5)
    """
    return FeatureRanges.of(train, train_labels).gap(FeatureRanges.of(test, test_labels))


def _gap(inner: NDArray[np.float64], outer: NDArray[np.float64]) -> float:
    above = np.maximum(outer[1] - inner[1], 0)
    below = np.maximum(inner[0] - outer[0], 0)
    return float((above + below).sum())
