"""The correlations of the columns of a long matrix, in one pass over its rows.

The rows are scaled by a guess from some of them, their products summed, and the scale set right at
the end. Imports numpy and nothing heavier.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.products import Threads, mirror
from rebalance.numerics.standardisation import (
    Matrix,
    Moments,
    Scale,
    Summary,
    constant,
    precision_of,
)

FARTHEST = 4.0  # squared distance of a guessed mean, in variances, at which digits would be lost
SMALLEST = 1e-12  # variance at which values that were scaled by a guess begin to vanish


@dataclass(frozen=True, eq=False)
class Covariance:
    """The summed products of the standardised columns [M, M], and how rows become scores."""

    products: NDArray[np.float64]
    scale: Scale
    mean: NDArray[np.float64]  # of the scaled columns
    deviation: NDArray[np.float64]  # of the scaled columns; infinite where they are constant

    @classmethod
    def of(cls, matrix: Matrix, team: Threads) -> "Covariance":
        """Compute the covariance of all rows; FeatureError where they are not finite."""
        precision = precision_of(matrix.read(slice(0, 1), slice(None)))
        with np.errstate(all="ignore"):  # what is out of range does not fit
            found = cls._by(Scale.guessed(matrix), matrix, precision, team)
            if found._fits():
                return found
        moments = Moments.of_all(matrix)
        return cls._by(Scale.exact(moments, precision), matrix, precision, team)

    @classmethod
    def _by(cls, scale: Scale, matrix: Matrix, precision: float, team: Threads) -> "Covariance":
        samples, columns = matrix.shape
        products = np.zeros((columns, columns))
        summaries = []
        for block, summary in scale.blocks(matrix, team):
            team.add_gram(products, block.T)
            summaries.append(summary)
        summary = reduce(Summary.merged, summaries)
        mean = summary.sums / samples
        variance = products.diagonal() / samples - np.square(mean)
        low, high = (edge + scale.mean.astype(np.float64) for edge in (summary.low, summary.high))
        still = constant(low, high, precision) | (scale.factor == 0)
        deviation = np.where(still, np.inf, np.sqrt(variance))
        mirror(products)
        products -= samples * np.outer(mean, mean)
        products /= deviation
        products /= deviation[:, None]
        return cls(products, scale, mean, deviation)

    def _fits(self) -> bool:
        """Tell whether the scale was near enough to the true one for no digit to be lost."""
        variance = np.square(self.deviation)
        near = np.square(self.mean) <= FARTHEST * variance
        return bool((near & (variance > SMALLEST)).all() and np.isfinite(self.products).all())

    def scores(
        self, matrix: Matrix, directions: NDArray[np.float64], team: Threads
    ) -> NDArray[np.float32]:
        """Multiply the standardised rows [N, M] by directions [M, k]."""
        divided = (directions / self.deviation[:, None]).astype(np.float32)
        shift = (self.mean @ divided).astype(np.float32)
        blocks = [team.multiply(block, divided) for block, _ in self.scale.blocks(matrix, team)]
        scores: NDArray[np.float32] = np.concatenate(blocks) - shift
        return scores
