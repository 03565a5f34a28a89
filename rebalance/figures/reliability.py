"""The figure of how far probabilities can be believed: how often right beside how sure.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rebalance.figures.canvas import MARKERS, STRONG, axes
from rebalance.figures.strokes import DASHES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, PLOT = 460, 400  # CSS pixels
LEGEND_LINE = 22
LARGEST = 90  # square points of the mark of a bin that has all images
SMALLEST = 8


@dataclass(frozen=True)
class ReliabilityCurve:
    """The bins that have images, by how sure. name: for the legend. error: their mean distance.

    confidence, accuracy: of each bin [B]. weight: its share of the images [B].
    """

    name: str
    confidence: NDArray[Any]
    accuracy: NDArray[Any]
    weight: NDArray[Any]
    error: float


def draw_reliability(curves: Sequence[ReliabilityCurve]) -> "Figure":
    """Draw accuracy over the mean largest probability, beside the diagonal of what can be believed.

    Below the diagonal probabilities are too sure. The larger a mark, the more images its bin has.
    """
    figure, plot = axes(WIDTH, PLOT + LEGEND_LINE * (len(curves) + 1))
    plot.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=(0, (2, 3)), zorder=1)
    handles = []
    for number, curve in enumerate(curves):
        colour, label = STRONG[number], f"{curve.name}  {curve.error:.3f}"
        look = {"color": colour, "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.4}
        handles += plot.plot(curve.confidence, curve.accuracy, zorder=3, label=label, **look)
        sizes = SMALLEST + (LARGEST - SMALLEST) * curve.weight
        plot.scatter(
            curve.confidence, curve.accuracy, sizes, color=colour, marker=MARKERS[number], zorder=4
        )
    plot.set(xlim=(-0.01, 1.03), ylim=(-0.01, 1.03))
    plot.set(xlabel="largest probability", ylabel="share of images that are of that class")
    plot.set_box_aspect(0.8)
    plot.grid(color="0.92")
    figure.legend(
        handles=handles,
        loc="outside lower left",
        title="expected calibration error",
        alignment="left",
        frameon=False,
    )
    return figure
