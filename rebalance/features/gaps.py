"""Features from a file for all images of some folders, with gaps where there are none.

Imports numpy and nothing heavier.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.data.folder import ImageFolder
from rebalance.features.given import (
    POOLED,
    layers_of,
    matched_rows,
    opened_file,
    told_left_out,
)
from rebalance.numerics.standardisation import FeatureMatrix, Floats
from rebalance.settings import ExtractorOptions

GAP = -1  # in place of a row


class GappedMatrix:
    """Some rows of a matrix, in any order, and rows of zeros between them."""

    def __init__(self, matrix: FeatureMatrix, rows: NDArray[np.intp]) -> None:
        self._matrix = matrix
        self._rows = rows

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and columns."""
        return len(self._rows), self._matrix.shape[1]

    def read(self, rows: slice, columns: slice) -> Floats:
        """Copy the part [rows, columns] into memory."""
        wanted = self._rows[rows]
        there = wanted != GAP
        found = self._matrix.take(wanted[there]).read(slice(None), columns)
        part = np.zeros((len(wanted), found.shape[1]), found.dtype)
        part[there] = found
        return part

    def take(self, positions: NDArray[np.intp]) -> "GappedMatrix":
        """The rows at these positions."""
        return GappedMatrix(self._matrix, self._rows[positions])


def rows_with_gaps(
    folders: Sequence[ImageFolder], options: ExtractorOptions, *, strict: bool
) -> FeatureMatrix:
    """Return the features of all images, folder by folder; zeros for images without any.

    Raises as ``matched_rows`` and ``told_left_out``.
    """
    file = opened_file(options)
    matrix = file.layers[layers_of(file)[POOLED]]
    parts = []
    for folder in folders:
        matched = matched_rows(folder, file, [matrix])
        told_left_out(folder, file, matched, strict=strict)
        rows = np.full(len(folder.paths), GAP)
        rows[matched.images] = matched.rows
        parts.append(rows)
    return GappedMatrix(matrix, np.concatenate(parts))
