"""Principal components of standardised columns, exact to float32, of a matrix that stays on disk.

Only the smaller side of the matrix is ever squared: samples (a Gram matrix, summed over blocks of
columns), or columns (a covariance, summed over blocks of rows); where both are long, neither is,
and each product of the eigenvector iteration is a pass over the rows. May not import torch, click,
or anything that reads files; scipy is imported when it is needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.clusters.eigenvectors import leading_eigenvectors
from rebalance.errors import FeatureError

Floats = NDArray[np.floating[Any]]

MAX_SIDE = 8192  # longest side of a Gram or covariance matrix: 512 MB in float64
DENSE_SIDE = 1024  # up to here LAPACK is faster than the iteration
BLOCK_VALUES = 1 << 22  # values in a block: 32 MB in float64, of which about three are alive
SPARE = 30  # columns iterated beyond those asked for; they halve the passes
RANK_TOLERANCE = 1e-6  # variance, in units of the largest, below which float32 sees only rounding


class Matrix(Protocol):
    """A table of floating-point features [N, M] that is read piece by piece."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def read(self, rows: slice, columns: slice) -> Floats:
        """The values of these rows and columns, in the precision they are stored in."""
        ...


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
        """Samples and columns."""
        return self._values.shape[0], self._values.shape[1]

    def read(self, rows: slice, columns: slice) -> Floats:
        """A view of these rows and columns."""
        return self._values[rows, columns]


def principal_components(matrix: Matrix, count: int = 50) -> NDArray[np.float32]:
    """The scores [N, min(count, N, M)] of the samples on their leading principal components.

    Columns are standardised first (z-score with the population standard deviation). A column is
    constant, and becomes 0, when all its values lie within one unit in the last place of the
    precision it is stored in: what varies there is rounding. Components beyond the rank of the data
    are 0. In each component the sample farthest from 0 is on the positive side (tie: the first
    such sample), so the same matrix gives the same array.

    Equal to scikit-learn's ``StandardScaler`` followed by ``PCA``, up to sign. FeatureError for a
    matrix without samples or columns, and for values that are not finite.
    """
    samples, columns = matrix.shape
    if min(samples, columns) < 1:
        raise FeatureError(
            "principal components need at least one sample and one column, but the features have "
            f"{samples} and {columns}: check the class is not empty"
        )
    count = min(count, samples, columns)
    if samples <= columns and samples <= MAX_SIDE:
        scores = _by_gram(matrix, count)
    elif columns <= MAX_SIDE:
        scores = _by_covariance(matrix, count)
    else:
        scores = _by_passes(matrix, count)
    return _positive_at_farthest(scores)


@dataclass(frozen=True)
class _Moments:
    """What standardising needs of the columns [M]; those of two sets of rows can be merged."""

    rows: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]  # summed squared deviations from the mean
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @staticmethod
    def of(block: NDArray[np.float64]) -> "_Moments":
        low, high = block.min(axis=0), block.max(axis=0)
        # An infinity or a NaN anywhere in a column is in its minimum or its maximum.
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise FeatureError(
                "features must be finite, but NaN or infinite values were found: "
                "extract them again, in float32 if half precision overflowed"
            )
        mean = block.mean(axis=0)
        squares = np.square(block - mean).sum(axis=0)
        return _Moments(len(block), mean, squares, low, high)

    def merged(self, other: "_Moments") -> "_Moments":
        """The moments of both sets of rows (Chan, Golub & LeVeque 1983)."""
        rows = self.rows + other.rows
        shift = other.mean - self.mean
        return _Moments(
            rows,
            self.mean + shift * (other.rows / rows),
            self.squares + other.squares + shift**2 * (self.rows * other.rows / rows),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def standardise(self, block: NDArray[np.float64], precision: float) -> NDArray[np.float32]:
        """z-scores of ``block``, whose stored values are exact to the relative ``precision``."""
        constant = self.high - self.low <= precision * np.maximum(abs(self.low), abs(self.high))
        deviation = np.where(constant, np.inf, np.sqrt(self.squares / self.rows))
        return ((block - self.mean) / deviation).astype(np.float32)


def _blocks(length: int, across: int) -> Iterator[slice]:
    """Slices that cover ``length``, each holding about ``BLOCK_VALUES`` of ``across`` per step."""
    step = max(1, BLOCK_VALUES // across)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def _by_gram(matrix: Matrix, count: int) -> Floats:
    samples, columns = matrix.shape
    gram = np.zeros((samples, samples))
    for some in _blocks(columns, samples):
        stored = matrix.read(slice(None), some)
        block = stored.astype(np.float64)
        standard = _Moments.of(block).standardise(block, _precision(stored))
        gram += standard @ standard.T
    values, vectors = _leading(gram, count)
    return vectors * np.sqrt(np.where(_significant(values), values, 0))


def _by_covariance(matrix: Matrix, count: int) -> Floats:
    moments = _row_moments(matrix)
    columns = matrix.shape[1]
    covariance = np.zeros((columns, columns))
    for block in _standardised_rows(matrix, moments):
        covariance += block.T @ block
    return _scores(matrix, moments, *_leading(covariance, count))


def _by_passes(matrix: Matrix, count: int) -> Floats:
    moments = _row_moments(matrix)
    columns = matrix.shape[1]

    def covariance_times(directions: NDArray[np.float64]) -> NDArray[np.float64]:
        directions32 = directions.astype(np.float32)
        total = np.zeros(directions.shape)
        for block in _standardised_rows(matrix, moments):
            total += block.T @ (block @ directions32)
        return total

    start = _start(columns, count)
    values, vectors = leading_eigenvectors(covariance_times, start, count, tolerance=3e-7)
    return _scores(matrix, moments, values, vectors)


def _leading(symmetric: NDArray[np.float64], count: int) -> tuple[Floats, Floats]:
    side = len(symmetric)
    if side > DENSE_SIDE:
        start = _start(side, count)
        return leading_eigenvectors(symmetric.__matmul__, start, count, tolerance=1e-7)
    from scipy.linalg import eigh

    values, vectors = eigh(symmetric, subset_by_index=[side - count, side - 1])
    return values[::-1], vectors[:, ::-1]


def _start(side: int, count: int) -> NDArray[np.float64]:
    width = count + SPARE
    # A second block would not fit: take all directions, and the first product is exact.
    return np.random.default_rng(0).standard_normal((side, width if 2 * width <= side else side))


def _row_moments(matrix: Matrix) -> _Moments:
    samples, columns = matrix.shape
    everything = slice(None)
    return reduce(
        _Moments.merged,
        (
            _Moments.of(matrix.read(rows, everything).astype(np.float64))
            for rows in _blocks(samples, columns)
        ),
    )


def _standardised_rows(matrix: Matrix, moments: _Moments) -> Iterator[NDArray[np.float32]]:
    samples, columns = matrix.shape
    for rows in _blocks(samples, columns):
        stored = matrix.read(rows, slice(None))
        yield moments.standardise(stored.astype(np.float64), _precision(stored))


def _scores(matrix: Matrix, moments: _Moments, values: Floats, vectors: Floats) -> Floats:
    directions = np.where(_significant(values), vectors, 0).astype(np.float32)
    blocks = [block @ directions for block in _standardised_rows(matrix, moments)]
    return np.concatenate(blocks)


def _significant(values: Floats) -> NDArray[np.bool_]:
    return values > max(RANK_TOLERANCE * float(values[0]), 0.0)


def _precision(stored: Floats) -> float:
    return float(np.finfo(stored.dtype).eps)


def _positive_at_farthest(scores: Floats) -> NDArray[np.float32]:
    farthest = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
    return (scores * np.where(farthest < 0, -1.0, 1.0)).astype(np.float32)
