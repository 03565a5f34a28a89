"""Squared distances tile by tile, on the processor or on a device that torch knows.

Importing this module does not import torch.
"""

from typing import Any, Protocol

import numpy as np

from rebalance.neighbours.distances import Positions
from rebalance.neighbours.points import DEPTH, Points
from rebalance.neighbours.shortlist import Shortlist, Values
from rebalance.products import slices, threads

STRIP = 250  # rows of a tile that one thread looks through at a time
COMPILED = 4096  # points from which numba is worth loading


class Tiles(Protocol):
    """Approximate squared distances between points: tables of floats that stay where they are.

    side: the most rows and columns of a tile.
    """

    side: int

    def distances(self, rows: Positions | slice, columns: slice) -> Any:
        """The tile [rows, columns]; its entries can be written, and ``.T`` turns it over."""
        ...

    def offer(self, found: Shortlist, rows: slice, tile: Any, columns: slice) -> None:
        """Take what is small in the tile into the shortlists of its ``rows``."""
        ...

    def fetched(self, tile: Any) -> Values:
        """The tile as an array."""
        ...


class ProcessorTiles:
    """Tiles by numpy, some rows at a time in threads: products first, then what is small in them.

    A strip is done with while it is in the cache of its processor.
    """

    # 16 MB. Not a power of two: turning such a tile over takes ten times as long, since the rows
    # of one column then compete for the same few lines of the cache.
    side = 2000

    def __init__(self, points: Points) -> None:
        self._points = points

    def distances(self, rows: Positions | slice, columns: slice) -> Values:
        # By a power of two, which rounds nothing.
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
        return tile


class TorchTiles:
    """Tiles by torch, on ``device``, where all points are held."""

    side = 8000  # 256 MB

    def __init__(self, points: Points, device: str) -> None:
        import torch

        self._torch = torch
        self._values = torch.from_numpy(points.values).to(device)
        self._squares = torch.from_numpy(points.squares).to(device)

    def distances(self, rows: Positions | slice, columns: slice) -> Any:
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
        count = min(found.values.shape[1], tile.shape[1])
        lowest = tile.topk(count, largest=False, sorted=False)
        places = lowest.indices.cpu().numpy()
        found.offer(rows, lowest.values.cpu().numpy(), places + columns.start)

    def fetched(self, tile: Any) -> Values:
        values: Values = tile.cpu().numpy()
        return values


def tiles_on(device: str, points: Points) -> Tiles:
    """The tiles of ``points`` on cpu, cuda or mps."""
    return ProcessorTiles(points) if device == "cpu" else TorchTiles(points, device)


def _lowest_of_rows(strip: Values, count: int) -> tuple[Values, Positions]:
    strip = np.ascontiguousarray(strip)
    if count >= strip.shape[1]:
        return strip, np.broadcast_to(np.arange(strip.shape[1]), strip.shape)
    columns = np.argpartition(strip, count - 1, axis=1)[:, :count]
    return np.take_along_axis(strip, columns, axis=1), columns
