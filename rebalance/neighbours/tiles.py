"""Squared distances tile by tile, on the processor or on a device that torch knows.

Importing this module does not import torch.
"""

from typing import Any, Protocol

import numpy as np

from rebalance.neighbours.distances import Positions
from rebalance.neighbours.points import DEPTH, Points
from rebalance.neighbours.shortlist import Shortlist, Values
from rebalance.parallel import chosen_workers, ordered_map

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
    """Tiles by numpy: its BLAS multiplies, threads look through the products."""

    # 16 MB. Not a power of two: turning such a tile over takes ten times as long, since the rows
    # of one column then compete for the same few lines of the cache.
    side = 2000

    def __init__(self, points: Points) -> None:
        self._points = points
        self._workers = chosen_workers(None)

    def distances(self, rows: Positions | slice, columns: slice) -> Values:
        # By a power of two, which rounds nothing.
        left, right = -2 * self._points.values[rows], self._points.values[columns]
        tile: Values = left[:, :DEPTH] @ right[:, :DEPTH].T
        for start in range(DEPTH, left.shape[1], DEPTH):
            part = slice(start, start + DEPTH)
            tile += left[:, part] @ right[:, part].T
        tile += self._points.squares[columns]
        tile += self._points.squares[rows][:, None]
        return tile

    def offer(self, found: Shortlist, rows: slice, tile: Values, columns: slice) -> None:
        if len(self._points.values) >= COMPILED:
            found.search(rows, tile, columns.start)
            return
        count = found.values.shape[1]
        strips = [tile[start : start + STRIP] for start in range(0, len(tile), STRIP)]
        lowest = list(
            ordered_map(lambda strip: _lowest_of_rows(strip, count), strips, self._workers)
        )
        values, places = (np.concatenate(parts) for parts in zip(*lowest, strict=True))
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
