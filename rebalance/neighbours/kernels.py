"""The search of a tile for small entries, compiled by numba and kept for later processes.

Loading this module loads numba, so it is imported where there is enough to search. May not import
torch, scikit-learn or click.
"""

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from rebalance.compiled import compiled

STRIDE = 64  # entries of which only the smallest is looked at, where that is too large already


@compiled(parallel=True, fastmath={"nnan", "nsz"})
def take_smaller(
    tile: NDArray[np.float32],
    first: int,
    values: NDArray[np.float32],
    positions: NDArray[Any],
) -> None:
    """Take what is smaller in each row of the tile [r, n] into values and positions [r, width].

    values rise along each row before and after. first: the position of the tile's first column.
    """
    width = values.shape[1]
    for row in prange(len(tile)):
        worst = values[row, width - 1]
        for low in range(0, tile.shape[1], STRIDE):
            high = min(low + STRIDE, tile.shape[1])
            smallest = tile[row, low]
            for column in range(low + 1, high):
                smallest = min(smallest, tile[row, column])
            if smallest >= worst:
                continue
            for column in range(low, high):
                value = tile[row, column]
                if value < worst:
                    place = width - 1
                    while place > 0 and values[row, place - 1] > value:
                        values[row, place] = values[row, place - 1]
                        positions[row, place] = positions[row, place - 1]
                        place -= 1
                    values[row, place] = value
                    positions[row, place] = first + column
                    worst = values[row, width - 1]
