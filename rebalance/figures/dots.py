"""The figure of a number for each class, of several runs, before and after something was done.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.figures.canvas import axes
from rebalance.figures.strokes import Stroke, legible, stroke

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

NAMED = 60  # classes: with more, dots are means of neighbours
PLACES = 30  # where those dots stand, at most
WIDTH, WIDE_HEIGHT = 560, 420  # CSS pixels
MARGINS = 70  # above and below
ROW, LANE = 26, 13  # of a class at least; of a run in it
LEGEND_LINE = 24
SPREAD = 0.9  # share of a class's row that its runs take


@dataclass(frozen=True)
class Dots:
    """One number of one run for each class, in one stage or several, of which the last holds.

    name: for the legend; the only run may have none. place: the number of the run among the runs,
    which decides how it looks. stages: [S, K]; NaN where a class has no number.
    """

    name: str
    place: int
    stages: Sequence[Sequence[float]]


def draw_dots(
    classes: Sequence[str], runs: Sequence[Dots], what: str, top: float | None
) -> "Figure":
    """Draw a row for each class, from the top down, and in it a dot for each run.

    The last stage is a filled dot; earlier ones are hollow, and joined to it by a line. what: names
    the numbers on their axis. top: the axis reaches from 0 to it; None fits it. With more classes
    than ``NAMED``, a dot is the mean of some neighbouring classes (see ``pooled``), and classes are
    numbered from 1 along the lower edge.
    """
    legend = LEGEND_LINE * ((len(runs) + 1) // 2) if any(run.name for run in runs) else 0
    named = len(classes) <= NAMED
    rows = len(classes) * max(ROW, LANE * len(runs) + 8) if named else WIDE_HEIGHT - MARGINS
    figure, plot = axes(WIDTH, MARGINS + rows + legend)
    size = 1 if named else -(-len(classes) // PLACES)
    starts = np.arange(0, len(classes), size)
    middles = (starts + np.minimum(starts + size, len(classes)) - 1) / 2
    lanes = np.linspace(-SPREAD / 2, SPREAD / 2, len(runs) + 2)[1:-1] * size
    for lane, run in zip(lanes, runs, strict=True):
        _draw(plot, middles + lane, pooled(run.stages, size), stroke(run.place), upright=named)
    if named:
        _name_rows(plot, classes, what, top)
    else:
        _number_columns(plot, len(classes), size, what, top)
    if legend:
        figure.legend(
            handles=[_handle(run) for run in runs],
            loc="outside lower center",
            ncols=2,
            frameon=False,
        )
    return figure


def pooled(stages: Sequence[Sequence[float]], size: int) -> NDArray[np.float64]:
    """Average each ``size`` neighbouring classes of stages [S, K].

    NaN counts for nothing, and is the mean of classes that are all NaN. The last mean may be of
    fewer.
    """
    values = np.asarray(stages, dtype=np.float64)
    starts = np.arange(0, values.shape[1], size)
    known = ~np.isnan(values)
    sums = np.add.reduceat(np.where(known, values, 0), starts, axis=1)
    numbers = np.add.reduceat(known.astype(int), starts, axis=1)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, numbers, out=means, where=numbers > 0)
    return means


def _draw(
    plot: "Axes",
    places: NDArray[np.float64],
    stages: NDArray[np.float64],
    look: Stroke,
    *,
    upright: bool,
) -> None:
    """Draw the dots of every stage [S, P] at places [P], along the upright axis or the other."""
    known = ~np.isnan(stages).all(axis=0)
    low, high = np.nanmin(stages[:, known], axis=0), np.nanmax(stages[:, known], axis=0)
    join = plot.hlines if upright else plot.vlines
    join(places[known], low, high, color=look.colour, linewidth=1.5, zorder=2)
    for stage, values in enumerate(stages):
        x, y = (values, places) if upright else (places, values)
        last = stage == len(stages) - 1
        plot.plot(x, y, linestyle="none", zorder=4 if last else 3, **_mark(look, last))


def _mark(look: Stroke, filled: bool) -> dict[str, Any]:
    return {
        "marker": look.marker,
        "markersize": 7,
        "markeredgecolor": look.colour,
        "markerfacecolor": look.colour if filled else "white",
        "markeredgewidth": 1.4,
    }


def _handle(run: Dots) -> "Line2D":
    from matplotlib.lines import Line2D

    look = stroke(run.place)
    return Line2D([], [], color=look.colour, marker=look.marker, label=legible(run.name))


def _name_rows(plot: "Axes", classes: Sequence[str], what: str, top: float | None) -> None:
    plot.set_yticks(range(len(classes)), [legible(name) for name in classes])
    plot.set_ylim(len(classes) - 0.5, -0.5)
    plot.tick_params(axis="y", length=0)
    for edge in range(1, len(classes)):
        plot.axhline(edge - 0.5, color="0.88", linewidth=0.8, zorder=0)
    plot.grid(axis="x", color="0.9", zorder=0)
    plot.set_xlabel(what)
    plot.set_xlim(*_reach(plot.get_xlim()[1], top))


def _number_columns(plot: "Axes", classes: int, size: int, what: str, top: float | None) -> None:
    from matplotlib.ticker import FuncFormatter

    plot.set_xlim(-size / 2, classes - 1 + size / 2)
    plot.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place + 1:.0f}"))
    plot.grid(axis="y", color="0.9", zorder=0)
    plot.set_xlabel(f"classes in order (a mark: mean of {size})")
    plot.set_ylabel(what)
    plot.set_ylim(*_reach(plot.get_ylim()[1], top))


def _reach(fitting: float, top: float | None) -> tuple[float, float]:
    """Return the range of an axis from 0 to ``top``, or to what fits, with room for the marks."""
    end = fitting if top is None else top
    return -0.02 * end, (1.02 * end) or 1.0
