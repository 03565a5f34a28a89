"""Principal components of standardised columns, exact to float32, of a matrix that stays on disk.

Only the smaller side of the matrix is ever squared: samples (a Gram matrix, summed over blocks of
columns), or columns (a covariance, summed over blocks of rows); where both are long, neither is,
and each product of the eigenvector iteration is a pass over the rows. May not import torch, click,
or anything that reads files. Imports numpy and nothing heavier.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.numerics.covariance import Covariance
from rebalance.numerics.eigenvectors import (
    eigenvectors_of,
    leading_eigenvectors,
    random_start,
    significant,
)
from rebalance.numerics.half_precision import to_single
from rebalance.numerics.products import Threads, mirror, slices, threads
from rebalance.numerics.standardisation import (
    STRIP_VALUES,
    Matrix,
    Moments,
    Scale,
    block_length,
    precision_of,
)

__all__ = ["InMemory", "Matrix", "principal_components"]

Floats = NDArray[np.floating[Any]]

MAX_SIDE = 8192  # longest side of a Gram or covariance matrix: 512 MB in float64


class InMemory:
    """An array [N, M] (or a memory map) as a ``Matrix``."""

    def __init__(self, values: Floats) -> None:
        if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
            raise FeatureError(
                "features must be floating-point numbers, one row per sample, but are "
                f"{values.dtype} of shape {values.shape}: convert them first"
            )
        self._values = values

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and columns."""
        return self._values.shape[0], self._values.shape[1]

    def read(self, rows: slice, columns: slice) -> Floats:
        """Return a view of these rows and columns."""
        return self._values[rows, columns]

    def take(self, positions: NDArray[np.intp]) -> "InMemory":
        """A copy of the rows at these positions."""
        return InMemory(self._values[positions])


def principal_components(matrix: Matrix, count: int = 50) -> NDArray[np.float32]:
    """Compute the scores of the samples on their leading principal components.

    They have the shape [N, min(count, N, M)].

    Columns are standardised first (z-score with the population standard deviation). A column is
    constant, and becomes 0, when all its values lie within one unit in the last place of the
    precision it is stored in: what varies there is rounding. Components beyond the rank of the data
    are 0. In each component the sample farthest from 0 is on the positive side (tie: the first
    such sample), so the same matrix gives the same array, whatever the number of threads.

    Equal to scikit-learn's ``StandardScaler`` followed by ``PCA``, up to sign. FeatureError for a
    matrix without samples or columns, and for values that are not finite.

    >>> import numpy as np
    >>> from rebalance.clusters import InMemory, principal_components
    >>> features = np.array([[1.0, 10.0, 7.0], [2.0, 20.0, 7.0], [6.0, 60.0, 7.0]])
    >>> scores = principal_components(InMemory(features))
    >>> scores.shape, [round(value, 2) for value in scores[:, 0].tolist()]
    ((3, 3), [-1.31, -0.65, 1.96])
    """
    samples, columns = matrix.shape
    if min(samples, columns) < 1:
        raise FeatureError(
            "principal components need at least one sample and one column, but the features have "
            f"{samples} and {columns}: check the class is not empty"
        )
    count = min(count, samples, columns)
    with threads() as team:
        if samples <= columns and samples <= MAX_SIDE:
            scores = _by_gram(matrix, count, team)
        elif columns <= MAX_SIDE:
            scores = _by_covariance(matrix, count, team)
        else:
            scores = _by_passes(matrix, count, team)
    return _positive_at_farthest(scores)


def _by_gram(matrix: Matrix, count: int, team: Threads) -> Floats:
    samples, columns = matrix.shape
    gram = np.zeros((samples, samples))
    for some in slices(columns, block_length(samples)):
        team.add_gram(gram, _standard_columns(matrix.read(slice(None), some), team))
    mirror(gram)
    values, vectors = eigenvectors_of(gram, count, team)
    return vectors * np.sqrt(np.where(significant(values), values, 0))


def _standard_columns(stored: Floats, team: Threads) -> NDArray[np.float32]:
    """Compute the z-scores of whole columns."""
    standard = np.empty(stored.shape, np.float32)

    def prepare(columns: slice) -> None:
        block = to_single(stored[:, columns]).astype(np.float64)
        moments = Moments.of(block)
        block -= moments.mean
        block /= moments.deviation(precision_of(stored))
        standard[:, columns] = block

    team.each(prepare, slices(stored.shape[1], max(1, STRIP_VALUES // len(stored))))
    return standard


def _by_covariance(matrix: Matrix, count: int, team: Threads) -> Floats:
    covariance = Covariance.of(matrix, team)
    values, vectors = eigenvectors_of(covariance.products, count, team)
    return covariance.scores(matrix, np.where(significant(values), vectors, 0), team)


def _by_passes(matrix: Matrix, count: int, team: Threads) -> Floats:
    precision = precision_of(matrix.read(slice(0, 1), slice(None)))
    scale = Scale.exact(Moments.of_all(matrix), precision)
    columns = matrix.shape[1]

    def covariance_times(directions: Floats) -> Floats:
        directions32 = directions.astype(np.float32)
        total = np.zeros(directions.shape)
        for block, _ in scale.blocks(matrix, team):
            total += team.multiply(block.T, team.multiply(block, directions32))
        return total

    start = random_start(columns, count)
    values, vectors = leading_eigenvectors(covariance_times, start, count, tolerance=3e-7)
    directions = np.where(significant(values), vectors, 0).astype(np.float32)
    return np.concatenate(
        [team.multiply(block, directions) for block, _ in scale.blocks(matrix, team)]
    )


def _positive_at_farthest(scores: Floats) -> NDArray[np.float32]:
    farthest = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
    return (scores * np.where(farthest < 0, -1.0, 1.0)).astype(np.float32)
