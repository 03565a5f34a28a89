"""The likely neighbours of each sample, by approximate distances, in memory linear in the samples.

Imports numpy and nothing heavier.
"""

import numpy as np
from numpy.typing import NDArray

from rebalance.neighbours.distances import Positions

Values = NDArray[np.float32]


class Shortlist:
    """The ``width`` smallest values offered to each of Q rows so far, and where they were found.

    values: [Q, width], rising, infinite where nothing was offered yet. positions: [Q, width].
    """

    def __init__(self, rows: int, width: int) -> None:
        self.values: Values = np.full((rows, width), np.inf, np.float32)
        self.positions: Positions = np.zeros((rows, width), np.int64)

    def offer(self, rows: slice, values: Values, positions: Positions) -> None:
        """Take what is smaller of values [r, n], found at ``positions``, into the rows."""
        width = self.values.shape[1]
        values = np.concatenate((self.values[rows], values), axis=1)
        positions = np.concatenate((self.positions[rows], positions), axis=1)
        best = np.argsort(values, axis=1)[:, :width]
        self.values[rows] = np.take_along_axis(values, best, axis=1)
        self.positions[rows] = np.take_along_axis(positions, best, axis=1)
