"""Features as float32 points whose distances are fast to find, and how far those can be off.

Imports numpy and nothing heavier.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.neighbours.distances import BLOCK_VALUES, Distances, Features, Positions

ROUNDING = 2.0**-24  # largest relative error of one float32 operation
UNDERFLOW = 2.0**-120  # more than the float32 operations of one term lose where they underflow
DEPTH = 2048  # columns whose products are summed in one go; shorter sums have smaller errors
MAX_EXPONENT = 500  # beyond it, squares of float64 overflow


@dataclass(frozen=True, eq=False)
class Points:
    """Samples moved to their mean, which makes squares small, and scaled to [-1, 1], in float32.

    values: [N, D]. squares: the squared length [N] of each. lengths: those lengths in float64 [N].
    scale: the power of two by which features became values.
    """

    values: NDArray[np.float32]
    squares: NDArray[np.float32]
    lengths: Distances
    scale: float

    def error(self, reach: Distances) -> Distances:
        """Bound the error of an approximate squared distance between two points.

        The approximation is |a|^2 + |b|^2 - 2ab, every operation in float32 and ab summed in any
        order over at most ``DEPTH`` columns at a time; the truth is the distance of the features
        times ``scale``. reach: |a| + |b|, or more.

        A sum of n products is off by at most g|a||b|, g = nu/(1 - nu) (Higham 2002, Accuracy and
        Stability of Numerical Algorithms, section 3.1), so 2ab by g/2 (|a| + |b|)^2. Rounding the
        features, the squares and the two additions is below 6u (|a| + |b|)^2; what is left of 8u
        is more than a distance in float64 can be off. Underflow, in either precision, adds to it.
        """
        columns = self.values.shape[1]
        terms = (min(columns, DEPTH) + -(-columns // DEPTH)) * ROUNDING
        relative = terms / (1 - terms) / 2 + 8 * ROUNDING
        lost = columns * (UNDERFLOW + float(np.finfo(np.float64).tiny) * self.scale**2)
        error: Distances = relative * np.square(reach) + lost
        return error


def as_points(features: Features, members: Positions) -> Points:
    """Turn the samples ``members`` of features [N, D], all of them finite, into points.

    FeatureError for features too large to be squared.
    """
    mean = np.zeros(features.shape[1])
    for block in _blocks(features, members):
        mean += (block.astype(np.float64) / len(members)).sum(axis=0)
    largest = max(
        float(np.abs(block - mean).max(initial=0)) for block in _blocks(features, members)
    )
    exponent = int(np.frexp(largest)[1])
    if exponent > MAX_EXPONENT:
        raise FeatureError(
            f"features must be below 2^{MAX_EXPONENT} for their distances to be measured, but "
            f"{largest:.3g} was found: scale them down, or look for corrupt values"
        )
    scale = 2.0 ** -max(exponent, -MAX_EXPONENT)
    values = np.empty((len(members), features.shape[1]), np.float32)
    squares = np.empty(len(members))
    start = 0
    for block in _blocks(features, members):
        rows = slice(start, start := start + len(block))
        values[rows] = (block - mean) * scale
        squares[rows] = np.square(values[rows], dtype=np.float64).sum(axis=1)
    return Points(values, squares.astype(np.float32), np.sqrt(squares), scale)


def _blocks(features: Features, members: Positions) -> Iterator[Features]:
    step = max(1, BLOCK_VALUES // max(1, features.shape[1]))
    for start in range(0, len(members), step):
        yield features[members[start : start + step]]
