"""The likely neighbours of each sample, by approximate distances, in memory linear in the samples.

Imports numpy and nothing heavier.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance.neighbours.distances import Positions
from rebalance.progress import Progress

if TYPE_CHECKING:
    from rebalance.neighbours.tiles import Tiles

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

    def search(self, rows: slice, tile: Values, first: int) -> None:
        """``offer`` all of a tile [r, n] whose columns are the positions from ``first`` on.

        Compiled: most entries are only compared with the largest value that a row has.
        """
        from rebalance.neighbours.kernels import take_smaller

        tile = np.ascontiguousarray(tile)
        take_smaller(tile, first, self.values[rows], self.positions[rows])


def of_all(tiles: "Tiles", points: int, width: int, progress: Progress) -> Shortlist:
    """The shortlist of every point, without itself; each pair of points is multiplied once."""
    found = Shortlist(points, width)
    blocks = list(_blocks(points, tiles.side))
    pairs = [(rows, columns) for i, rows in enumerate(blocks) for columns in blocks[i:]]
    for rows, columns in progress(pairs, total=len(pairs), what="neighbours", unit="block"):
        tile = tiles.distances(rows, columns)
        if rows == columns:
            _leave_out(tile, np.arange(rows.start, rows.stop), columns)
            tiles.offer(found, rows, tile, columns)
        else:
            tiles.offer(found, rows, tile, columns)
            tiles.offer(found, columns, tile.T, rows)
    return found


def of_queries(
    tiles: "Tiles", points: int, queries: Positions, width: int, progress: Progress
) -> Shortlist:
    """The shortlists [Q] of the points ``queries`` among all, each without itself."""
    found = Shortlist(len(queries), width)
    pairs = [
        (rows, columns)
        for rows in _blocks(len(queries), tiles.side)
        for columns in _blocks(points, tiles.side)
    ]
    for rows, columns in progress(pairs, total=len(pairs), what="neighbours", unit="block"):
        tile = tiles.distances(queries[rows], columns)
        _leave_out(tile, queries[rows], columns)
        tiles.offer(found, rows, tile, columns)
    return found


def _blocks(length: int, side: int) -> Iterator[slice]:
    for start in range(0, length, side):
        yield slice(start, min(start + side, length))


def _leave_out(tile: Values, own: Positions, columns: slice) -> None:
    """Make the entries of the points themselves infinite; ``own`` are those of the rows."""
    inside = np.flatnonzero((own >= columns.start) & (own < columns.stop))
    tile[inside, own[inside] - columns.start] = np.inf
