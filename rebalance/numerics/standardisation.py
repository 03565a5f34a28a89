"""Standardised columns of a matrix, computed block by block in float32.

A column that moves by one unit in the last place of its precision is constant. Imports numpy and
nothing heavier.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.numerics.half_precision import to_single
from rebalance.numerics.products import Threads, slices

Floats = NDArray[np.floating[Any]]
Float64s = NDArray[np.float64]

BLOCK_VALUES = 1 << 22  # values in a block: 16 MB in float32, of which about two are alive
STRIP_VALUES = 1 << 16  # values that one thread prepares at a time, within its cache
SAMPLED = 512  # rows that a first guess of the moments is made from


class Matrix(Protocol):
    """A table of floating-point features [N, M] that is read piece by piece."""

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and columns."""

    def read(self, rows: slice, columns: slice) -> Floats:
        """Read the values of these rows and columns, in the precision they are stored in."""
        ...


class FeatureMatrix(Matrix, Protocol):
    """A matrix of which some rows can be taken, such as ``features.cache.StoredFeatures``."""

    def take(self, positions: NDArray[np.intp]) -> "FeatureMatrix":
        """The rows at these positions, as a matrix of their own."""
        ...


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments of columns [M] that standardising needs; two sets of rows can be merged."""

    rows: int
    mean: Float64s
    squares: Float64s  # summed squared deviations from the mean
    low: Float64s
    high: Float64s

    @staticmethod
    def of(block: Float64s) -> "Moments":
        """Compute the moments of a block [n, M]; FeatureError where it is not finite."""
        low, high = block.min(axis=0), block.max(axis=0)
        # An infinity or a NaN anywhere in a column is in its minimum or its maximum.
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise FeatureError.not_finite()
        mean = block.mean(axis=0)
        squares = np.square(block - mean).sum(axis=0)
        return Moments(len(block), mean, squares, low, high)

    @staticmethod
    def of_all(matrix: Matrix) -> "Moments":
        """Compute the moments of all rows, in float64; FeatureError where they are not finite."""
        samples, columns = matrix.shape
        blocks = (
            Moments.of(to_single(matrix.read(rows, slice(None))).astype(np.float64))
            for rows in slices(samples, block_length(columns))
        )
        return reduce(Moments.merged, blocks)

    def merged(self, other: "Moments") -> "Moments":
        """Merge the moments of two sets of rows (Chan, Golub & LeVeque 1983)."""
        rows = self.rows + other.rows
        shift = other.mean - self.mean
        return Moments(
            rows,
            self.mean + shift * (other.rows / rows),
            self.squares + other.squares + shift**2 * (self.rows * other.rows / rows),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def deviation(self, precision: float) -> Float64s:
        """Return the standard deviations; infinite for columns constant to this precision."""
        still = constant(self.low, self.high, precision)
        return np.where(still, np.inf, np.sqrt(self.squares / self.rows))


@dataclass(frozen=True, eq=False)
class Summary:
    """The range and the scaled sum of columns [M] that were moved by ``Scale.mean``.

    A value that is not finite makes one of them so.
    """

    low: Floats
    high: Floats
    sums: Float64s

    def merged(self, other: "Summary") -> "Summary":
        """Merge the summaries of two sets of rows."""
        return Summary(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.sums + other.sums,
        )


@dataclass(frozen=True, eq=False)
class Scale:
    """A scale that turns values [n, M] into scores: (values - mean) * factor."""

    mean: Floats
    factor: Floats

    @staticmethod
    def exact(moments: Moments, precision: float) -> "Scale":
        """Derive the scale from ``moments``, which are worked out in float64."""
        return Scale(moments.mean, 1 / moments.deviation(precision))

    @staticmethod
    def guessed(matrix: Matrix) -> "Scale":
        """Guess the scale from some of the rows; it makes near z-scores if these are typical.

        The differences to a mean in float32 are as exact as any that end up in float32.
        """
        step = max(1, matrix.shape[0] // SAMPLED)
        sample = matrix.read(slice(None, None, step), slice(None))
        working = np.result_type(sample.dtype, np.float32)
        values = to_single(sample).astype(np.float64)
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        factor = 1 / np.where(deviation > 0, deviation, 1)
        return Scale(mean.astype(working), factor.astype(working))

    def blocks(
        self, matrix: Matrix, team: Threads
    ) -> Iterator[tuple[NDArray[np.float32], Summary]]:
        """Yield the scaled rows of the matrix, some at a time."""
        samples, columns = matrix.shape
        for rows in slices(samples, block_length(columns)):
            yield self._scaled(matrix.read(rows, slice(None)), team)

    def _scaled(self, stored: Floats, team: Threads) -> tuple[NDArray[np.float32], Summary]:
        scaled = np.empty(stored.shape, np.float32)

        def prepare(rows: slice) -> Summary:
            moved = to_single(stored[rows]) - self.mean
            low, high = moved.min(axis=0), moved.max(axis=0)
            # A scale guessed from other rows may be too large: the range tells, and it is redone.
            with np.errstate(over="ignore", invalid="ignore"):
                np.multiply(moved, self.factor, out=scaled[rows], casting="same_kind")
                total = scaled[rows].sum(axis=0).astype(np.float64)
            return Summary(low, high, total)

        strips = slices(len(stored), max(1, STRIP_VALUES // stored.shape[1]))
        return scaled, reduce(Summary.merged, team.each(prepare, strips))


def constant(low: Floats, high: Floats, precision: float) -> NDArray[np.bool_]:
    """Tell whether columns from ``low`` to ``high`` move by no more than the last place."""
    still: NDArray[np.bool_] = high - low <= precision * np.maximum(abs(low), abs(high))
    return still


def precision_of(stored: Floats) -> float:
    """Return the relative size of a unit in the last place."""
    return float(np.finfo(stored.dtype).eps)


def block_length(across: int) -> int:
    """Return how many rows of ``across`` values make a block."""
    return max(1, BLOCK_VALUES // across)
