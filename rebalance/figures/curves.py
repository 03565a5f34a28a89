"""The figure of a value during training, epoch by epoch.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rebalance.figures.canvas import axes
from rebalance.figures.strokes import legible, stroke

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

WIDTH, HEIGHT = 500, 340  # CSS pixels
LEGEND_LINE = 24
MARKS = 16  # on a line, at most; longer ones have a mark every few epochs


@dataclass(frozen=True)
class Curve:
    """The values of one run after each epoch.

    name: for the legend; the only run may have none. place: the number of the run among the runs,
    which decides how it looks. epochs: their numbers, rising. values: one for each epoch. frozen:
    how many of the first epochs had the body frozen. dotted: it is a companion of the run's other
    line: thin, and without marks where it has two points.
    """

    name: str
    place: int
    epochs: Sequence[int]
    values: Sequence[float]
    frozen: int = 0
    dotted: bool = False


def draw_curves(lines: Sequence[Curve], what: str, *, top: float | None = None) -> "Figure":
    """Draw values over epochs, a line for each run.

    what: names the values on their axis. top: the axis reaches from 0 to it; None fits it. Epochs
    with a frozen body have hollow marks, and a grey ground.
    """
    from matplotlib.ticker import MaxNLocator

    legend = any(line.name for line in lines)
    figure, plot = axes(WIDTH, HEIGHT + LEGEND_LINE * ((len(lines) + 1) // 2 if legend else 0))
    handles = [_draw(plot, line) for line in lines]
    _mark_frozen(plot, {line.frozen for line in lines if line.frozen})
    plot.set_xlabel("epoch")
    plot.set_ylabel(what)
    plot.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    plot.set_xlim(left=0.5)
    plot.grid(axis="y", color="0.9")
    if top is not None:
        plot.set_ylim(0, top * 1.02)
    if legend:
        figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw(plot: "Axes", line: Curve) -> "Line2D":
    """Draw a line and its marks; return what stands for it in a legend."""
    from matplotlib.lines import Line2D

    colour, marker, dash = stroke(line.place)
    if line.dotted:
        look: dict[str, Any] = {"color": colour, "linestyle": (0, (1, 1.2)), "linewidth": 1.5}
        if len(line.epochs) == 1:
            look["marker"] = "."  # a line of one point is none
        plot.plot(line.epochs, line.values, **look)
        return Line2D([], [], label=legible(line.name), **look)
    plot.plot(line.epochs, line.values, color=colour, linestyle=dash, linewidth=1.8)
    marked = range(0, len(line.epochs), -(-len(line.epochs) // MARKS) or 1)
    frozen = [place for place in marked if place < line.frozen]
    whole = [place for place in marked if place >= line.frozen]
    for places, fill in ((frozen, "white"), (whole, colour)):
        plot.plot(
            [line.epochs[place] for place in places],
            [line.values[place] for place in places],
            linestyle="none",
            marker=marker,
            markersize=6,
            markeredgecolor=colour,
            markerfacecolor=fill,
            zorder=3,
        )
    return Line2D([], [], color=colour, linestyle=dash, marker=marker, label=legible(line.name))


def _mark_frozen(plot: "Axes", ends: set[int]) -> None:
    for end in ends:
        plot.axvspan(0.5, end + 0.5, color="0.5", alpha=0.15, linewidth=0, zorder=0)
    if ends:
        plot.annotate(
            "body frozen",
            (0.5, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            va="bottom",
            fontsize=9,
            color="0.25",
        )
