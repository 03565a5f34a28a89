"""The figure of the boundary between classes: images as points, each mistake with both its classes.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.figures.canvas import STRONG, axes
from rebalance.figures.strokes import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MARKS = ("o", "s", "^", "D", "v", "<", ">", "p")  # whose inside shows within a thick rim
COLOURED = len(MARKS)  # classes: of more, those with the most mistakes have a colour
WIDTH, PLOT = 520, 410  # CSS pixels
LEGEND_LINE = 22
LONGEST = 25  # characters of a name
OTHER, OTHER_RIM = "#c4c4c4", "#8a8a8a"


@dataclass(frozen=True, eq=False)
class Boundary:
    """Images on a map. points: [n, 2], finite. labels, predicted: class indices [n]."""

    points: NDArray[np.floating[Any]]
    labels: NDArray[np.integer[Any]]
    predicted: NDArray[np.integer[Any]]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Tell of each image whether it was given another class [n]."""
        differ: NDArray[np.bool_] = self.labels != self.predicted
        return differ


def draw_boundary(data: Boundary, classes: Sequence[str]) -> "Figure":
    """Draw each image in the colour and mark of its true class.

    A mistake is larger, and its thick rim has the colour of the class it was given. Points are
    rasterised. Classes beyond ``COLOURED`` are grey: those with the fewest mistakes.
    """
    shown = coloured(data, len(classes))
    lines = -(-(len(shown) + 1 + (len(shown) < len(classes))) // 2)
    figure, plot = axes(WIDTH, PLOT + LEGEND_LINE * lines)
    for right in (True, False):  # mistakes lie on top
        _scatter(plot, data, shown, right=right)
    plot.set(xticks=[], yticks=[])
    plot.set_aspect("equal", adjustable="datalim")
    for spine in plot.spines.values():
        spine.set(visible=True, color="#b0b0b0")
    handles = [
        _handle(place, legible(classes[label], LONGEST)) for place, label in enumerate(shown)
    ]
    if len(shown) < len(classes):
        handles.append(_handle(None, f"others: {len(classes) - len(shown)}"))
    handles.append(_handle(None, "a mistake, its rim: as given", rim=STRONG[6]))
    where: dict[str, Any] = {"loc": "outside lower left", "ncols": 2}
    room: dict[str, Any] = {"handletextpad": 0.2, "columnspacing": 0.8, "frameon": False}
    figure.legend(handles=handles, **where, **room)
    return figure


def coloured(data: Boundary, classes: int) -> list[int]:
    """List the classes with a colour, rising: all, or those that take part in most mistakes."""
    if classes <= COLOURED:
        return list(range(classes))
    wrong = data.wrong
    parts = np.concatenate((data.labels[wrong], data.predicted[wrong]))
    counts = np.bincount(parts, minlength=classes)
    return sorted(np.argsort(-counts, kind="stable")[:COLOURED].tolist())


def _scatter(plot: "Axes", data: Boundary, shown: Sequence[int], *, right: bool) -> None:
    place_of = {label: place for place, label in enumerate(shown)}
    chosen = np.flatnonzero(data.wrong != right)
    size = float(np.clip(9 - 2 * np.log10(max(1, len(data.points))), 2.5, 6))
    pairs = np.stack((data.labels[chosen], data.predicted[chosen]), axis=1)
    for label, given in np.unique(pairs, axis=0).tolist():
        x, y = data.points[chosen[(pairs == (label, given)).all(axis=1)]].T
        own, other = place_of.get(label), place_of.get(given)
        rim = OTHER_RIM if own is None and other is None else _colour(other)
        look = _look(own, None if right else rim, size)
        plot.plot(x, y, linestyle="none", rasterized=True, **look)


def _colour(place: int | None) -> str:
    return OTHER if place is None else STRONG[place]


def _look(place: int | None, rim: str | None, size: float) -> dict[str, Any]:
    marker = "o" if place is None else MARKS[place]
    look: dict[str, Any] = {"marker": marker, "markerfacecolor": _colour(place)}
    if rim is None:
        return {**look, "markersize": size, "markeredgewidth": 0, "alpha": 0.55, "zorder": 2}
    return {
        **look,
        "markersize": size * 1.7,
        "markeredgecolor": rim,
        "markeredgewidth": size / 3,
        "zorder": 2.5 if rim == OTHER_RIM else 3,
    }


def _handle(place: int | None, label: str, rim: str | None = None) -> "Line2D":
    from matplotlib.lines import Line2D

    look = _look(place, rim, 5) | {"alpha": 1}
    return Line2D([], [], linestyle="none", label=label, **look)
