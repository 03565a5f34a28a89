"""The space in which samples are compared by Euclidean distance.

Columns are divided by their standard deviation and rows by their length, which makes few long
samples lie less far from everything; of that the leading principal components are taken. A column
that hardly varies is not blown up: its divisor is at least a tenth of the columns' mean deviation.

``embed`` does so exactly, for samples in memory; ``project`` at little cost, block by block, for
samples that are read, with the statistics of a draw where there are many. Imports numpy and nothing
heavier; may not import torch or click.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.numerics.contents import contents_of
from rebalance.numerics.eigenvectors import rough_axes
from rebalance.numerics.half_precision import to_single
from rebalance.numerics.pca import InMemory, principal_components
from rebalance.numerics.products import slices, threads
from rebalance.numerics.standardisation import FeatureMatrix

COMPONENTS = 50  # more keep rarer subclasses, and more untypical samples that a classifier pays for
FLOOR = 10  # the mean deviation of the columns is at most so many times a divisor
FITTED = 2048  # samples that the statistics of ``project`` are taken from, at most
BLOCK_VALUES = 1 << 20  # features in a block: 4 MB in float32, of which about two are alive

Features = NDArray[np.floating[Any]]
Points = NDArray[np.float32]


def embed(features: Features) -> Points:
    """The samples with these features [N, D] as points [N, up to 50].

    FeatureError for features that are not finite.
    """
    return principal_components(InMemory(unit_rows(features)), COMPONENTS)


def unit_rows(features: Features) -> Points:
    """The samples with these features [N, D] at length 1, before their components are taken.

    Their columns [N, d], those that vary, are divided by their deviations first; where none
    varies, there is one of zeros. FeatureError for features that are not finite.
    """
    values = _finite(features)
    divisors = _divisors(values)
    varies = np.isfinite(divisors)
    rows = values[:, varies]
    if not rows.size:
        return np.zeros((len(features), 1), np.float32)
    rows /= divisors[varies].astype(np.float32)
    _divide_by_length(rows)
    return rows


@dataclass(frozen=True, eq=False)
class Projection:
    """How features become points: (row @ directions) / length of (row * scale).

    scale: one over the columns' divisors [D], 0 for a column that does not vary. directions: [D, up
    to 50]. The points are not moved to their mean, which changes no distance.
    """

    scale: Points
    directions: Points

    @classmethod
    def of(cls, sample: Features) -> "Projection":
        """The projection by the statistics of a ``sample`` [n, D].

        Its components are nearly the leading ones, see ``rough_axes``. FeatureError for features
        that are not finite.
        """
        values = _finite(sample)
        scale = (1 / _divisors(values)).astype(np.float32)
        rows: Points = values * scale
        _divide_by_length(rows)
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        # What varies within the last place of float32 is rounding.
        rounding = np.finfo(np.float32).eps * np.abs(rows).max(axis=0)
        deviations = rows.std(axis=0, dtype=np.float64).astype(np.float32)
        deviations[np.ptp(rows, axis=0) <= rounding] = np.inf
        components = rough_axes((rows - mean) / deviations, COMPONENTS) / deviations[:, None]
        return cls(scale, scale[:, None] * components)

    def __call__(self, features: Features) -> Points:
        """The points [n, up to 50] of features [n, D]; FeatureError where they are not finite."""
        values = to_single(features).astype(np.float32, copy=False)
        # One product with the squares: what is not finite is found in it, without another pass.
        with threads() as team:
            lengths = np.sqrt(team.multiply(np.square(values), np.square(self.scale)[:, None]))
            _finite(lengths)
            lengths[lengths == 0] = 1
            points: Points = team.multiply(values, self.directions) / lengths
        return points


def project(
    features: FeatureMatrix,
    rng: np.random.Generator,
    labels: NDArray[np.integer[Any]] | None = None,
) -> Points:
    """All samples of a matrix [N, D] as points [N, up to 50]; of many, by the statistics of a draw.

    labels: the class [N] of each sample; None is one class. Equal samples of a class count once in
    the statistics, and are the same point to the last bit, as products of matrices alone would not
    make them. Time grows with N·D, memory with N and a block. FeatureError for features that are
    not finite.
    """
    contents = contents_of(features)
    if labels is not None:
        contents = contents.within(labels)
    if contents.repeat:
        return project_different(features.take(contents.first), rng)[contents.of]
    return project_different(features, rng)


def project_different(features: FeatureMatrix, rng: np.random.Generator) -> Points:
    """All samples of a matrix as points, as ``project`` does where no two are equal."""
    count, columns = features.shape
    sample = features
    if count > FITTED:
        sample = features.take(np.sort(rng.choice(count, FITTED, replace=False)))
    with threads() as team:
        projection = Projection.of(sample.read(slice(None), slice(None)))

        def projected(rows: slice) -> Points:
            return projection(features.read(rows, slice(None)))

        blocks = slices(count, max(1, BLOCK_VALUES // max(1, columns)))
        return np.concatenate(team.each(projected, blocks))


def _divisors(values: Points) -> NDArray[np.float64]:
    """Return what the columns [D] are divided by; infinity for one that does not vary."""
    deviations = values.std(axis=0, dtype=np.float64)
    floor = max(deviations.mean() / FLOOR, np.finfo(np.float32).tiny)
    return np.where(deviations > 0, np.maximum(deviations, floor), np.inf)


def _divide_by_length(rows: Points) -> None:
    """Give every row the length 1, in place; one that is 0 stays so."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, np.float32(1))


def _finite(features: Features) -> Points:
    """The features in float32; FeatureError where they are not finite."""
    values: Points = to_single(features).astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise FeatureError.not_finite()
    return values
