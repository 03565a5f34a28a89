"""The figures of how well one class is told from the rest: ROC and precision-recall curves.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rebalance.figures.canvas import STRONG, axes
from rebalance.figures.strokes import DASHES, legible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURED = 8  # classes: of more, those with the smallest areas; the rest is pale
WIDTH, PLOT = 460, 400  # CSS pixels
LEGEND_LINE = 22
LONGEST = 40  # characters of a name


@dataclass(frozen=True)
class RankingCurve:
    """The curve of one class against the rest. x, y: rates from 0 to 1. area: below it."""

    name: str
    x: NDArray[Any]
    y: NDArray[Any]
    area: float


def draw_roc(curves: Sequence[RankingCurve]) -> "Figure":
    """Draw true over false positive rates, a line for each class, beside the line of chance."""
    figure = _draw(
        curves, "false positive rate", "true positive rate", "area under the curve", stepped=False
    )
    (plot,) = figure.axes
    plot.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=(0, (2, 3)), zorder=1)
    return figure


def draw_precision_recall(curves: Sequence[RankingCurve]) -> "Figure":
    """Draw precision over recall, a line for each class; between two points precision is held.

    A straight line between them would promise what no threshold gives (Davis & Goadrich 2006).
    """
    return _draw(curves, "recall", "precision", "average precision", stepped=True)


def _draw(
    curves: Sequence[RankingCurve], across: str, up: str, area: str, *, stepped: bool
) -> "Figure":
    shown = coloured(curves)
    lines = len(shown) + (len(curves) > len(shown))
    figure, plot = axes(WIDTH, PLOT + LEGEND_LINE * (lines + 1))
    style = "steps-pre" if stepped else "default"
    handles = []
    for place, curve in enumerate(curves):
        if place not in shown:
            # As pixels: a thousand of them as lines would make a page of megabytes.
            pale: dict[str, Any] = {"color": "0.85", "linewidth": 0.8, "rasterized": True}
            plot.plot(curve.x, curve.y, drawstyle=style, zorder=2, **pale)
    for number, place in enumerate(shown):
        curve = curves[place]
        handles += plot.plot(
            curve.x,
            curve.y,
            color=STRONG[number],
            linestyle=DASHES[number % len(DASHES)],
            linewidth=1.8,
            drawstyle=style,
            zorder=3,
            label=f"{legible(curve.name, LONGEST)}  {curve.area:.3f}",
        )
    if len(curves) > len(shown):
        rest = len(curves) - len(shown)
        handles += plot.plot([], [], color="0.85", label=f"{rest} more, with larger areas")
    plot.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03), xlabel=across, ylabel=up)
    plot.set_box_aspect(0.8)
    plot.grid(color="0.92")
    figure.legend(
        handles=handles, loc="outside lower left", title=area, alignment="left", frameon=False
    )
    return figure


def coloured(curves: Sequence[RankingCurve]) -> list[int]:
    """Choose the places of the curves that stand out: all, or those with the smallest areas."""
    if len(curves) <= COLOURED:
        return list(range(len(curves)))
    return sorted(sorted(range(len(curves)), key=lambda place: curves[place].area)[:COLOURED])
