"""What undersamplers ask of features, labels and class sizes, and say where it is not so.

Imports numpy and nothing heavier.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError

Values = NDArray[np.floating[Any]]
Features = Values | None
Labels = NDArray[np.integer[Any]]
Indices = NDArray[np.intp]


def check_wanted(labels: Labels, wanted: Mapping[int, int]) -> None:
    """Raise ValueError where fewer than 1 or more than there are of a class are wanted."""
    for label, count in wanted.items():
        size = int(np.count_nonzero(labels == label))
        if not 1 <= count <= size:
            raise ValueError(f"class {label} has {size} samples: {count} of them cannot be kept")


def checked(features: Features, labels: Labels, wanted: Mapping[int, int]) -> Values:
    """Return the features; FeatureError where they are missing, misshapen or not finite."""
    check_wanted(labels, wanted)
    if features is None or features.shape[:1] != labels.shape:
        found = "none" if features is None else f"the shape {features.shape}"
        raise FeatureError(f"features of {len(labels)} samples are needed, but there are {found}")
    if not np.isfinite(features).all():
        label = int(labels[~np.isfinite(features).all(axis=1)][0])
        raise FeatureError.not_finite(label)
    return features


def compared(features: Features, labels: Labels, wanted: Mapping[int, int]) -> Values:
    """Return the features as ``checked``; FeatureError for a single class."""
    features = checked(features, labels, wanted)
    if len(np.unique(labels)) < 2:
        raise FeatureError(
            "neighbours of other classes are compared, but there is one class: use random"
        )
    return features


def check_left(kept: Indices, labels: Labels, wanted: Mapping[int, int]) -> Indices:
    """Return the positions kept; FeatureError for a class of which none is."""
    for label in wanted:
        if not np.isin(label, labels[kept]):
            raise FeatureError(
                "it would lose all its samples, which lie among other classes: choose another "
                "method, or leave the class out",
                label,
            )
    return kept
