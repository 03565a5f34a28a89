"""The search of a tile for small entries, compiled by numba and kept for later processes.

Loading this module loads numba, so it is imported where there is enough to search. May not import
torch, scikit-learn or click.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rebalance.numerics.compiled import compiled

STRIDE = 64  # entries of a row of which only the smallest is looked at, where it is too large
RUN = 32  # the same, of a column


@njit(inline="always")
def insert(values: Any, positions: Any, row: int, value: Any, position: int) -> None:
    """Put the value in its place among the rising ``values`` of the row; the largest is dropped."""
    place = values.shape[1] - 1
    while place > 0 and values[row, place - 1] > value:
        values[row, place] = values[row, place - 1]
        positions[row, place] = positions[row, place - 1]
        place -= 1
    values[row, place] = value
    positions[row, place] = position


@compiled(fastmath={"nnan", "nsz"})
def take_smaller(
    tile: NDArray[np.float32],
    first: int,
    values: NDArray[np.float32],
    positions: NDArray[Any],
) -> None:
    """Take what is smaller in each row of the tile [r, n] into values and positions [r, width].

    values rise along each row before and after. first: the position of the tile's first column.
    Other threads may work on other rows at the same time.
    """
    width = values.shape[1]
    for row in range(len(tile)):
        worst = values[row, width - 1]
        for low in range(0, tile.shape[1], STRIDE):
            # A slice, since a position that may count from the end is no vector's.
            some = tile[row, low : low + STRIDE]
            smallest = some[0]
            for place in range(len(some)):
                smallest = min(smallest, some[place])
            if smallest >= worst:
                continue
            for place in range(len(some)):
                if some[place] < worst:
                    insert(values, positions, row, some[place], first + low + place)
                    worst = values[row, width - 1]


@compiled(fastmath={"nnan", "nsz"})
def take_smaller_below(
    tile: NDArray[np.float32],
    first: int,
    values: NDArray[np.float32],
    positions: NDArray[Any],
) -> None:
    """Do what ``take_smaller`` does for the columns of the tile [n, r], from ``first`` on.

    The tile is read along its rows, as it lies in memory.
    """
    width = values.shape[1]
    smallest = np.empty(tile.shape[1], np.float32)
    for low in range(0, len(tile), RUN):
        high = min(low + RUN, len(tile))
        smallest[:] = tile[low]
        for row in range(low + 1, high):
            for column in range(tile.shape[1]):
                smallest[column] = min(smallest[column], tile[row, column])
        for column in range(tile.shape[1]):
            worst = values[column, width - 1]
            if smallest[column] >= worst:
                continue
            for row in range(low, high):
                if tile[row, column] < worst:
                    insert(values, positions, column, tile[row, column], first + row)
                    worst = values[column, width - 1]
