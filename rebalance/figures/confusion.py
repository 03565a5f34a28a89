"""The figure of a confusion matrix: what the images of each class were taken for.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.figures.canvas import axes
from rebalance.figures.strokes import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUMBERED = 15  # classes: with more, the cells hold no numbers
NAMED = 60  # classes: with more, rows and columns have no names
CELL = 44  # CSS pixels
SMALLEST, LARGEST = 260, 640  # side of the matrix, in CSS pixels
BESIDE, BELOW = 190, 130  # CSS pixels for names and the scale


def draw_confusion(counts: ArrayLike, classes: Sequence[str]) -> "Figure":
    """Draw the confusion matrix as a map of shares: every row, a true class, adds up to 1.

    counts: images of each true class (row) that were given each class (column), [K, K]. A row
    without images is hatched. The scale goes from white to dark blue, whose lightness falls
    throughout.
    """
    numbers = np.asarray(counts, dtype=np.int64)
    side = min(max(CELL * len(classes), SMALLEST), LARGEST)
    figure, plot = axes(side + BESIDE, side + BELOW)
    shares = row_shares(numbers)
    shown = plot.imshow(
        np.ma.masked_invalid(shares), cmap="Blues", vmin=0, vmax=1, interpolation="nearest"
    )
    for row in np.flatnonzero(np.isnan(shares).all(axis=1)):
        plot.axhspan(row - 0.5, row + 0.5, facecolor="none", edgecolor="0.6", hatch="///")
    if len(classes) <= NUMBERED:
        _number(plot, numbers, shares)
    _name(plot, classes)
    plot.spines[:].set_visible(False)
    plot.set_xlabel("decided on")
    plot.set_ylabel("true class")
    scale = figure.colorbar(shown, ax=plot, shrink=0.8, label="share of the true class")
    scale.outline.set_visible(False)
    return figure


def row_shares(counts: ArrayLike) -> NDArray[np.float64]:
    """Divide counts [K, K] by the sum of their row; NaN in a row without any."""
    numbers = np.asarray(counts, dtype=np.float64)
    totals = numbers.sum(axis=1, keepdims=True)
    shares = np.full(numbers.shape, np.nan)
    np.divide(numbers, totals, out=shares, where=totals > 0)
    return shares


def _number(plot: "Axes", counts: NDArray[Any], shares: NDArray[np.float64]) -> None:
    size = 11 if len(counts) <= 10 else 9
    for (row, column), count in np.ndenumerate(counts):
        if not np.isnan(shares[row, column]):
            ink = "white" if shares[row, column] > 0.5 else "black"
            plot.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=size)


def _name(plot: "Axes", classes: Sequence[str]) -> None:
    if len(classes) > NAMED:
        plot.set(xticks=[], yticks=[])
        return
    names = [legible(name, 20) for name in classes]
    size = 10 if len(classes) <= NUMBERED else 7
    places = range(len(classes))
    plot.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    plot.set_yticks(places, names, fontsize=size)
    plot.tick_params(length=0)
