"""The shortlists of many points, tile by tile, in memory linear in the points.

Imports numpy and nothing heavier.
"""

from collections.abc import Iterator

import numpy as np

from rebalance.neighbours.distances import Positions
from rebalance.neighbours.shortlist import Shortlist, Values
from rebalance.neighbours.tiles import Tiles
from rebalance.products import threads
from rebalance.progress import Progress


def of_all(tiles: Tiles, points: int, width: int, progress: Progress) -> Shortlist:
    """The shortlist of every point, without itself; each pair of points is multiplied once."""
    found = Shortlist(points, width)
    blocks = list(_blocks(points, tiles.side))
    pairs = [(rows, columns) for i, rows in enumerate(blocks) for columns in blocks[i:]]
    with threads():
        for rows, columns in progress(pairs, total=len(pairs), what="neighbours", unit="block"):
            tile = tiles.distances(rows, columns)
            if rows == columns:
                _leave_out(tile, np.arange(rows.start, rows.stop), columns)
            tiles.offer(found, rows, tile, columns)
            if rows != columns:
                tiles.offer(found, columns, tile.T, rows)
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
    with threads():
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
