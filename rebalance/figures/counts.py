"""The figure of the samples of each class, before and after.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rebalance.figures.canvas import PALETTE, axes
from rebalance.figures.strokes import legible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 700  # CSS pixels
NAMED = 60  # classes that a figure has room to name


def draw_counts(before: Mapping[str, int], after: Mapping[str, int]) -> "Figure":
    """Draw two bars for each class of ``after``; the upper one is before, if it is known."""
    names = list(after)
    shown = len(names) <= NAMED
    figure, plot = axes(WIDTH, 90 + (34 if shown else 8) * min(len(names), 400))
    rows = range(len(names))
    sides = [(after, "after", PALETTE[0], PALETTE[0])]
    if before:
        sides.insert(0, (before, "before", "white", "#1b1b1b"))
    height = 0.8 / len(sides)
    for place, (counts, label, face, edge) in enumerate(sides):
        middle = [row + (place - (len(sides) - 1) / 2) * height for row in rows]
        values = [counts.get(name, 0) for name in names]
        plot.barh(middle, values, height * 0.9, color=face, edgecolor=edge, label=label)
    plot.set(xlabel="samples", ylim=(len(names) - 0.5, -0.5))
    plot.set_yticks(list(rows) if shown else [])
    if shown:
        plot.set_yticklabels([legible(name) for name in names])
    if len(sides) > 1:
        plot.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure
