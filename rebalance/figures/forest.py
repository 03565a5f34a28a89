"""The forest plot: an estimate with its intervals for each treatment, beside a control.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rebalance.figures.canvas import PALETTE, axes
from rebalance.figures.strokes import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 460  # CSS pixels
ROW = 44  # of which the upper half is the name's
MARGINS = 56
LONGEST = 52  # characters of a name
COLOURS = {1: PALETTE[0], -1: PALETTE[6], 0: "#5f5f5f"}
MARKERS = {1: "^", -1: "v", 0: "o"}


@dataclass(frozen=True)
class Estimate:
    """A difference between a treatment and a control, and the intervals around it.

    alone: the interval of this one by itself, drawn thick. together: the one that allows for all
    others, drawn thin; either is None where there is none. verdict: 1 better, -1 worse, 0 neither,
    which says its colour and its mark.
    """

    name: str
    value: float
    alone: tuple[float, float] | None
    together: tuple[float, float] | None
    verdict: int


def draw_forest(rows: Sequence[Estimate], what: str) -> "Figure":
    """Draw a line for each row, from the top down, its name above it, and an upright line at 0.

    what: names the values on their axis. Intervals that reach beyond three times the span of the
    values are cut at the edge, so that one without enough pairs does not flatten the others.
    """
    from matplotlib.ticker import MaxNLocator

    figure, plot = axes(WIDTH, MARGINS + ROW * len(rows))
    low, high = reach(rows)
    plot.set_xlim(low, high)
    plot.axvline(0, color="black", linewidth=1, zorder=1)
    for place, row in enumerate(rows):
        _draw(plot, place, row, low)
    plot.set_ylim(len(rows) - 0.5, -0.75)
    plot.set_yticks([])
    plot.spines["left"].set_visible(False)
    plot.grid(axis="x", color="0.9", zorder=0)
    for edge in range(1, len(rows)):
        plot.axhline(edge - 0.68, color="0.88", linewidth=0.8, zorder=0)
    plot.xaxis.set_major_locator(MaxNLocator(5))
    plot.set_xlabel(what)
    return figure


def reach(rows: Sequence[Estimate]) -> tuple[float, float]:
    """Return the range of the axis: 0, all values, and intervals as far as there is room."""
    values = [0.0, *(row.value for row in rows)]
    ends = [end for row in rows for both in (row.alone, row.together) if both for end in both]
    span = max(values) - min(values)
    narrow = min((high - low for row in rows if row.alone for low, high in [row.alone]), default=0)
    room = 3 * max(span, narrow) or 1.0
    low = max(min([*values, *ends]), min(values) - room)
    high = min(max([*values, *ends]), max(values) + room)
    edge = 0.04 * (high - low) or 0.5
    return low - edge, high + edge


def _draw(plot: "Axes", place: int, row: Estimate, left: float) -> None:
    colour = COLOURS[row.verdict]
    for both, width in ((row.together, 1.2), (row.alone, 4.0)):
        if both is not None:
            plot.hlines(place, *both, color=colour, linewidth=width, zorder=2)
    plot.plot(
        [row.value],
        [place],
        marker=MARKERS[row.verdict],
        markersize=8,
        color=colour,
        markerfacecolor=colour if row.verdict else "white",
        markeredgewidth=1.5,
        zorder=3,
    )
    plot.text(
        left,
        place - 0.2,
        legible(row.name, LONGEST),
        va="bottom",
        fontsize=10,
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )
