"""Checks that turn arrays into what metrics and inference need, or raise one line of text.

Imports numpy and nothing heavier; may not import torch or click.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import FeatureError, MetricError


def as_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Check probabilities [N, K], and return them in double precision.

    N and K are at least 1; rows need not add up to one. MetricError for another shape, for a value
    that is negative or not finite, and for a row of zeros.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise MetricError(
            "probabilities are needed as a row per image and a column per class, at least one of "
            f"each, but have the shape {values.shape}"
        )
    possible = np.isfinite(values).all(axis=1) & (values >= 0).all(axis=1) & values.any(axis=1)
    if not possible.all():
        row = int(np.argmin(possible))
        raise MetricError(
            "each row of probabilities must be finite, not negative and not all zero, but row "
            f"{row} is {_excerpt(values[row])}: look for a loss that became NaN"
        )
    return values


def as_integers(labels: ArrayLike, images: int) -> NDArray[np.integer[Any]]:
    """Check integers [N], whatever their range; MetricError for anything else."""
    values = np.asarray(labels)
    if values.shape != (images,) or values.dtype.kind not in "iu":
        raise MetricError(
            f"labels are needed as {images} integers, one per image, but are of the shape "
            f"{values.shape} and the type {values.dtype}"
        )
    return values


def as_labels(labels: ArrayLike, images: int, classes: int) -> NDArray[np.intp]:
    """Check class indices [N], each in [0, classes); MetricError for anything else."""
    values = as_integers(labels, images)
    outside = (values < 0) | (values >= classes)
    if outside.any():
        row = int(np.argmax(outside))
        raise MetricError(
            f"labels of {classes} classes are from 0 to {classes - 1}, but label {row} is "
            f"{values[row]}: use the class order of the training set"
        )
    return values.astype(np.intp, copy=False)


def as_features(features: ArrayLike) -> NDArray[Any]:
    """Check features [N, D] in the precision they came in, N and D at least 1.

    FeatureError for another shape and for values that are not finite.
    """
    values = np.asarray(features)
    if values.ndim != 2 or 0 in values.shape:
        raise FeatureError(
            "features are needed as a row per image and a column per feature, at least one of "
            f"each, but have the shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise FeatureError.not_finite()
    return values


def _excerpt(row: NDArray[np.float64]) -> str:
    """Write the first values of a row on one line."""
    shown = ", ".join(f"{value:g}" for value in row[:4])
    return f"[{shown}, ...]" if len(row) > 4 else f"[{shown}]"
