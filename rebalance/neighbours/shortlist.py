"""The likely neighbours of each sample, by approximate distances, in memory linear in the samples.

Imports numpy and nothing heavier.
"""

from collections.abc import Iterator

import numpy as np

from rebalance.neighbours.distances import Positions
from rebalance.neighbours.tiles import Tiles, Values
from rebalance.progress import Progress


class Shortlist:
    """The ``width`` smallest values offered to each of Q rows so far, and where they were found.

    values: [Q, width], infinite where nothing was offered yet. positions: [Q, width].
    """

    def __init__(self, rows: int, width: int) -> None:
        self.values: Values = np.full((rows, width), np.inf, np.float32)
        self.positions: Positions = np.zeros((rows, width), np.int64)

    def offer(self, rows: slice, values: Values, positions: Positions) -> None:
        """Take what is smaller of values [r, n], found at ``positions``, into the rows."""
        width = self.values.shape[1]
        values = np.concatenate((self.values[rows], values), axis=1)
        positions = np.concatenate((self.positions[rows], positions), axis=1)
        best = np.argpartition(values, width - 1, axis=1)[:, :width]
        self.values[rows] = np.take_along_axis(values, best, axis=1)
        self.positions[rows] = np.take_along_axis(positions, best, axis=1)

    def sort(self) -> None:
        """Put the smallest values first."""
        order = np.argsort(self.values, axis=1)
        self.values = np.take_along_axis(self.values, order, axis=1)
        self.positions = np.take_along_axis(self.positions, order, axis=1)


def of_all(tiles: Tiles, points: int, width: int, progress: Progress) -> Shortlist:
    """The shortlist of every point, without itself; each pair of points is multiplied once."""
    found = Shortlist(points, width)
    blocks = list(_blocks(points, tiles.side))
    pairs = [(rows, columns) for i, rows in enumerate(blocks) for columns in blocks[i:]]
    for rows, columns in progress(pairs, total=len(pairs), what="neighbours", unit="block"):
        tile = tiles.distances(rows, columns)
        if rows == columns:
            _leave_out(tile, np.arange(rows.start, rows.stop), columns)
            _offer(found, rows, tiles, tile, columns)
        else:
            _offer(found, rows, tiles, tile, columns)
            _offer(found, columns, tiles, tile.T, rows)
    return found


def of_queries(
    tiles: Tiles, points: int, queries: Positions, width: int, progress: Progress
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
        _offer(found, rows, tiles, tile, columns)
    return found


def _blocks(length: int, side: int) -> Iterator[slice]:
    for start in range(0, length, side):
        yield slice(start, min(start + side, length))


def _leave_out(tile: Values, own: Positions, columns: slice) -> None:
    """Make the entries of the points themselves infinite; ``own`` are those of the rows."""
    inside = np.flatnonzero((own >= columns.start) & (own < columns.stop))
    tile[inside, own[inside] - columns.start] = np.inf


def _offer(found: Shortlist, rows: slice, tiles: Tiles, tile: Values, columns: slice) -> None:
    values, positions = tiles.lowest(tile, found.values.shape[1])
    found.offer(rows, values, positions + columns.start)
