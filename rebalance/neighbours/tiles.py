"""Tiles of squared distances, computed on the processor or on a device that torch knows.

Importing this module does not import torch.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.neighbours.distances import Positions
from rebalance.neighbours.points import DEPTH, Points
from rebalance.numerics.products import slices, threads
from rebalance.progress import Progress

Values = NDArray[np.float32]


class Shortlist:
    """The ``width`` smallest values offered to each of Q rows so far, and their positions.

    values: [Q, width], rising, infinite where nothing was offered yet. positions: [Q, width].
    """

    def __init__(self, rows: int, width: int) -> None:
        self.values: Values = np.full((rows, width), np.inf, np.float32)
        self.positions: Positions = np.zeros((rows, width), np.int64)

    def offer(self, rows: slice, values: Values, positions: Positions) -> None:
        """Take the smaller of the values [r, n], found at ``positions``, into the rows."""
        width = self.values.shape[1]
        values = np.concatenate((self.values[rows], values), axis=1)
        positions = np.concatenate((self.positions[rows], positions), axis=1)
        best = np.argsort(values, axis=1)[:, :width]
        self.values[rows] = np.take_along_axis(values, best, axis=1)
        self.positions[rows] = np.take_along_axis(positions, best, axis=1)


STRIP = 250  # rows of a tile that one thread looks through at a time
COMPILED = 4096  # points from which numba is worth loading


class Tiles(Protocol):
    """A source of approximate squared distances between points, which stay where they are.

    side: the most rows and columns of a tile.
    """

    side: int

    def distances(self, rows: Positions | slice, columns: slice) -> Any:
        """Compute the tile [rows, columns]; its entries can be written, and ``.T`` turns it."""
        ...

    def offer(self, found: Shortlist, rows: slice, tile: Any, columns: slice) -> None:
        """Take the small entries of the tile into the shortlists of its ``rows``."""
        ...

    def fetched(self, tile: Any) -> Values:
        """Return the tile as a numpy array."""
        ...


class ProcessorTiles:
    """Tiles by numpy, some rows at a time in threads: products first, then a search of them.

    A strip is done with while it is in the cache of its processor.
    """

    # 16 MB. Not a power of two: turning such a tile over takes ten times as long, since the rows
    # of one column then compete for the same few lines of the cache.
    side = 2000

    def __init__(self, points: Points) -> None:
        self._points = points

    def distances(self, rows: Positions | slice, columns: slice) -> Values:
        # By a power of two, which rounds nothing.
        """Compute the tile [rows, columns], some rows at a time in threads."""
        left, right = -2 * self._points.values[rows], self._points.values[columns]
        across, down = self._points.squares[columns], self._points.squares[rows][:, None]
        tile: Values = np.empty((len(left), len(right)), np.float32)

        def fill(strip: slice) -> None:
            part = tile[strip]
            np.matmul(left[strip, :DEPTH], right[:, :DEPTH].T, out=part)
            for start in range(DEPTH, left.shape[1], DEPTH):
                deep = slice(start, start + DEPTH)
                part += left[strip, deep] @ right[:, deep].T
            part += across
            part += down[strip]

        with threads() as team:
            team.each(fill, slices(len(left), STRIP))
        return tile

    def offer(self, found: Shortlist, rows: slice, tile: Values, columns: slice) -> None:
        """Take the small entries of the tile into the shortlists of its ``rows``."""
        look = self._search if len(self._points.values) >= COMPILED else self._partition

        def search(strip: slice) -> None:
            own = slice(rows.start + strip.start, rows.start + strip.stop)
            look(found, own, tile[strip], columns)

        with threads() as team:
            team.each(search, slices(len(tile), STRIP))

    def _search(self, found: Shortlist, rows: slice, strip: Values, columns: slice) -> None:
        from rebalance.neighbours.kernels import take_smaller, take_smaller_below

        values, positions = found.values[rows], found.positions[rows]
        if strip.flags.c_contiguous:
            take_smaller(strip, columns.start, values, positions)
        else:
            take_smaller_below(strip.T, columns.start, values, positions)

    def _partition(self, found: Shortlist, rows: slice, strip: Values, columns: slice) -> None:
        values, places = _lowest_of_rows(strip, found.values.shape[1])
        found.offer(rows, values, places + columns.start)

    def fetched(self, tile: Values) -> Values:
        """Return the tile, which is a numpy array already."""
        return tile


class TorchTiles:
    """Tiles by torch, on ``device``, which holds all points."""

    side = 8000  # 256 MB

    def __init__(self, points: Points, device: str) -> None:
        import torch

        self._torch = torch
        self._values = torch.from_numpy(points.values).to(device)
        self._squares = torch.from_numpy(points.squares).to(device)

    def distances(self, rows: Positions | slice, columns: slice) -> Any:
        """Compute the tile [rows, columns] on the device."""
        left, right = -2 * self._values[rows], self._values[columns]
        before = self._torch.get_float32_matmul_precision()
        # TF32 and bf16 are off by more than the error bound allows.
        self._torch.set_float32_matmul_precision("highest")
        try:
            tile = left[:, :DEPTH] @ right[:, :DEPTH].T
            for start in range(DEPTH, left.shape[1], DEPTH):
                part = slice(start, start + DEPTH)
                tile += left[:, part] @ right[:, part].T
        finally:
            self._torch.set_float32_matmul_precision(before)
        tile += self._squares[columns]
        tile += self._squares[rows][:, None]
        return tile

    def offer(self, found: Shortlist, rows: slice, tile: Any, columns: slice) -> None:
        """Take the small entries of the tile into the shortlists of its ``rows``."""
        count = min(found.values.shape[1], tile.shape[1])
        lowest = tile.topk(count, largest=False, sorted=False)
        places = lowest.indices.cpu().numpy()
        found.offer(rows, lowest.values.cpu().numpy(), places + columns.start)

    def fetched(self, tile: Any) -> Values:
        """Copy the tile into a numpy array."""
        values: Values = tile.cpu().numpy()
        return values


def tiles_on(device: str, points: Points) -> Tiles:
    """Make the tiles of ``points`` on cpu, cuda or mps."""
    return ProcessorTiles(points) if device == "cpu" else TorchTiles(points, device)


def _lowest_of_rows(strip: Values, count: int) -> tuple[Values, Positions]:
    strip = np.ascontiguousarray(strip)
    if count >= strip.shape[1]:
        return strip, np.broadcast_to(np.arange(strip.shape[1]), strip.shape)
    columns = np.argpartition(strip, count - 1, axis=1)[:, :count]
    return np.take_along_axis(strip, columns, axis=1), columns


def shortlists_of_all(tiles: Tiles, points: int, width: int, progress: Progress) -> Shortlist:
    """Shortlist every point's neighbours; each pair of points is multiplied only once."""
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


def shortlists_of_queries(
    tiles: Tiles, points: int, queries: Positions, width: int, progress: Progress
) -> Shortlist:
    """Shortlist the neighbours of the points ``queries`` [Q] among all, without themselves."""
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
    """Make the entries of the points themselves infinite; ``own`` are the entries of the rows."""
    inside = np.flatnonzero((own >= columns.start) & (own < columns.stop))
    tile[inside, own[inside] - columns.start] = np.inf
