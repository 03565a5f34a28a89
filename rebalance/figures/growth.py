"""The figure of learning curves: how good a classifier is with fewer of a class, and with more.

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

WIDTH, HEIGHT = 560, 340  # CSS pixels
LEGEND_LINE = 24


@dataclass(frozen=True)
class LearningCurve:
    """The learning curve of one class.

    times, values: what was measured, times being the size over what the class has now. ahead: what
    is expected of more: times, the value, and the ends of its interval.
    """

    name: str
    times: Sequence[float]
    values: Sequence[float]
    ahead: Sequence[tuple[float, float, float, float]]


def draw_growth(curves: Sequence[LearningCurve], what: str) -> "Figure":
    """Draw a line for each class: whole as measured, dashed with intervals as expected.

    what: names the values on their axis.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    figure, plot = axes(WIDTH, HEIGHT + LEGEND_LINE * ((len(curves) + 1) // 2))
    handles = [_draw(plot, place, curve) for place, curve in enumerate(curves)]
    plot.set_xscale("log", base=2)
    plot.axvline(1, color="black", linewidth=1, zorder=1)
    low, high = plot.get_xlim()
    ticks = [2.0**power for power in range(-8, 9) if low <= 2.0**power <= high]
    plot.xaxis.set_major_locator(FixedLocator(ticks))
    plot.xaxis.set_minor_locator(NullLocator())
    plot.xaxis.set_major_formatter(FuncFormatter(lambda times, _: _fraction(times)))
    plot.set_xlabel("times what the class has now")
    plot.set_ylabel(what)
    plot.grid(axis="y", color="0.9", zorder=0)
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw(plot: "Axes", place: int, curve: LearningCurve) -> "Line2D":
    from matplotlib.lines import Line2D

    colour, marker, _ = stroke(place)
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 5, "linewidth": 1.8}
    plot.plot(curve.times, curve.values, **look, zorder=3)
    if curve.times and curve.ahead:
        now = (curve.times[-1], curve.values[-1])
        points = [now, *((times, value) for times, value, _, _ in curve.ahead)]
        plot.plot(*zip(*points, strict=True), color=colour, linestyle=(0, (4, 2)), zorder=2)
        for times, _, low, high in curve.ahead:
            plot.vlines(times, low, high, color=colour, linewidth=1.2, zorder=2)
    return Line2D([], [], label=legible(curve.name), **look)


def _fraction(times: float) -> str:
    return f"{times:g}" if times >= 1 else f"1/{1 / times:g}"
