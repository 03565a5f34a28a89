"""Matrices of numbers as files have them, and the feature matrices that others make of them.

Imports numpy and nothing heavier.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureFileError
from rebalance.features.files.steady import SteadyFile
from rebalance.numerics.half_precision import to_single
from rebalance.numerics.products import slices
from rebalance.numerics.standardisation import block_length

Floats = NDArray[np.floating[Any]]
Positions = NDArray[np.intp]

BRAIN = "bfloat16"  # which numpy lacks: its bits are the upper half of a float32's
# Rows here and there that are looked at in one mapping: with each, the system may map a megabyte.
SCATTERED = 128
WIDEST = 2**24  # whole numbers beyond it are not all in float32


class RawMatrix(Protocol):
    """A matrix [N, D] of numbers, in the type it was stored in; ``brain`` ones as their bits."""

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        ...

    @property
    def brain(self) -> bool:
        """Tell whether the numbers are the bits of bfloat16."""
        ...

    def part(self, rows: "slice | Positions", columns: slice) -> NDArray[Any]:
        """Copy these rows and columns."""
        ...


@dataclass(frozen=True, eq=False)
class OnDisk:
    """Numbers that lie in a file one after the other, from ``offset`` on.

    They are row by row, or column by column where ``transposed``.
    """

    file: SteadyFile
    dtype: np.dtype[Any]
    shape: tuple[int, int]
    offset: int
    transposed: bool = False
    brain: bool = False

    def part(self, rows: "slice | Positions", columns: slice) -> NDArray[Any]:
        """Copy these rows and columns."""
        if isinstance(rows, slice):
            return np.array(self._mapped(scattered=False)[rows, columns], order="C")
        found = np.empty((len(rows), len(range(*columns.indices(self.shape[1])))), self.dtype)
        for some in slices(len(rows), SCATTERED):
            found[some] = self._mapped(scattered=True)[rows[some], columns]
        return found

    def _mapped(self, *, scattered: bool) -> NDArray[Any]:
        """Return the numbers in the file, mapped anew; what was looked at goes with the array."""
        order: Literal["F", "C"] = "F" if self.transposed else "C"
        content = self.file.mapped(scattered=scattered)
        values: NDArray[Any] = np.ndarray(self.shape, self.dtype, content, self.offset, order=order)
        return values


@dataclass(frozen=True, eq=False)
class InArray:
    """Numbers in an array [N, D] in memory."""

    values: NDArray[Any]
    brain: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    def part(self, rows: "slice | Positions", columns: slice) -> NDArray[Any]:
        """Copy these rows and columns."""
        return np.array(self.values[rows, columns], order="C")


@dataclass(frozen=True, eq=False)
class FileMatrix:
    """A feature matrix [N, D] in a file, read piece by piece as float16 or float32.

    positions: the rows that are taken, in their order; None is all.
    """

    numbers: RawMatrix
    dtype: np.dtype[Any]
    positions: Positions | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        rows, columns = self.numbers.shape
        return rows if self.positions is None else len(self.positions), columns

    def read(self, rows: slice, columns: slice) -> Floats:
        """Copy the part [rows, columns] into memory."""
        wanted = rows if self.positions is None else _together(self.positions[rows])
        return _floats(self.numbers, wanted, columns).astype(self.dtype, copy=False)

    def take(self, positions: Positions) -> "FileMatrix":
        """Select the rows at ``positions``, still in the file."""
        chosen = positions if self.positions is None else self.positions[positions]
        return FileMatrix(self.numbers, self.dtype, np.asarray(chosen, np.intp))


def checked(numbers: RawMatrix, fault: Callable[[int, str], FeatureFileError]) -> FileMatrix:
    """Read all numbers once, block by block, and return them as a feature matrix.

    It is float16 where each of them is one, whatever they were stored as, so that the same features
    are the same matrix in every format; otherwise float32. fault: makes the error of a row in which
    something is wrong, which is NaN, an infinity, or what float32 cannot hold.
    """
    samples, columns = numbers.shape
    half = True
    for rows in slices(samples, block_length(columns)):
        stored = numbers.part(rows, slice(None))
        values = _as_floats(stored, numbers.brain)
        wrong = ~np.isfinite(values).all(axis=1)
        if wrong.any():
            raise fault(rows.start + int(wrong.argmax()), "NaN, infinite or too large values")
        if stored.dtype.kind in "iu" and stored.dtype.itemsize > 2 and not numbers.brain:
            large = (stored > WIDEST) | (stored < -WIDEST)
            if large.any():
                row = rows.start + int(large.any(axis=1).argmax())
                raise fault(row, "whole numbers that float32 cannot hold")
        half = half and _is_half(values)
    return FileMatrix(numbers, np.dtype(np.float16 if half else np.float32))


def _floats(numbers: RawMatrix, rows: "slice | Positions", columns: slice) -> Floats:
    return _as_floats(numbers.part(rows, columns), numbers.brain)


def _as_floats(stored: NDArray[Any], brain: bool) -> Floats:
    """Return numbers as float16 or float32 of this machine; what is too large becomes infinite."""
    if brain:
        bits = stored.astype(np.uint32)
        bits <<= 16
        return bits.view(np.float32)
    if stored.dtype.kind == "f" and stored.dtype.itemsize == 2:
        return stored.astype(np.float16, copy=False)
    with np.errstate(over="ignore"):
        return stored.astype(np.float32, copy=False)


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of a type that fits into float32 as float32; what is too large is infinite."""
    return _as_floats(values, False) if values.dtype.kind == "f" else values


def _is_half(values: Floats) -> bool:
    """Tell whether float16 holds each of these values as it is."""
    if values.dtype == np.float16:
        return True
    few = values[:16]  # most features fail already here
    with np.errstate(over="ignore"):
        return all(
            np.array_equal(to_single(part.astype(np.float16)), part) for part in (few, values)
        )


def _together(positions: Positions) -> "slice | Positions":
    """Return a slice for positions that follow each other, which is quicker to read."""
    if len(positions) and positions[-1] - positions[0] == len(positions) - 1:
        run = np.arange(positions[0], positions[-1] + 1)
        if np.array_equal(run, positions):
            return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions
