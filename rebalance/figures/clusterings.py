"""Figures of the clusters of a class: how many were tried, and what each was allowed to keep.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rebalance.figures.canvas import MARKERS, PALETTE, axes
from rebalance.figures.maps import INK, mark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 400, 260  # CSS pixels
LEGEND_LINE = 20
PALE = "#e2e2e2"


def draw_scores(
    scores: Mapping[str, Mapping[int, float]],
    layer: str,
    k: int,
    what: str = "mean silhouette",
    chance: float | None = None,
) -> "Figure":
    """Draw a score for every k that was tried, a line per layer; the choice is ringed.

    what: names the score.

    scores: by layer and k; at least one. layer, k: what was chosen; no ring where ``scores`` lacks
    it. chance: what structureless samples would have, as a line across.
    """
    lines = len(scores) + (chance is not None)
    figure, plot = axes(WIDTH, HEIGHT + LEGEND_LINE * (-(-lines // 3) if lines > 1 else 0))
    for place, (name, values) in enumerate(scores.items()):
        tried = sorted(values)
        plot.plot(
            tried,
            [values[number] for number in tried],
            color=PALETTE[place % len(PALETTE)],
            marker=MARKERS[place % len(MARKERS)],
            label=f"layer {name}",
        )
    if chance is not None:
        plot.axhline(chance, color="#595959", linestyle="--", linewidth=1.2, label="chance")
    chosen = scores.get(layer, {}).get(k)
    if chosen is not None:
        plot.plot([k], [chosen], marker="o", ms=15, mfc="none", mec=INK, mew=2, linestyle="none")
        plot.annotate(
            f"k = {k}", (k, chosen), (0, 12), textcoords="offset points", ha="center", va="bottom"
        )
    plot.margins(0.08, 0.25)
    ks = sorted({number for values in scores.values() for number in values})
    plot.set(xlabel="number of clusters k", ylabel=what, xticks=ks[:: -(-len(ks) // 12)])
    if lines > 1:
        # Above the plot, where it hides no line.
        figure.legend(loc="outside upper center", fontsize=9, ncols=3, frameon=False)
    return figure


def draw_quotas(sizes: Sequence[int], kept: Sequence[int]) -> "Figure":
    """Draw a bar for each cluster, as long as its size, filled as far as it was kept."""
    figure, plot = axes(WIDTH, max(120, 60 + 26 * len(sizes)))
    rows = range(len(sizes))
    plot.barh(rows, sizes, color=PALE, edgecolor="#8a8a8a", height=0.7)
    colours = [mark(cluster)[0] for cluster in rows]
    plot.barh(rows, kept, color=colours, edgecolor=INK, linewidth=0.8, height=0.7)
    for row, (size, count) in enumerate(zip(sizes, kept, strict=True)):
        plot.annotate(
            f"{count} of {size}", (size, row), (4, 0), textcoords="offset points", va="center"
        )
        colour, marker = mark(row)
        # The mark that its points have on the map, left of the axis.
        plot.plot(
            [-0.045],
            [row],
            marker=marker,
            color=colour,
            mec=INK,
            ms=8,
            clip_on=False,
            transform=plot.get_yaxis_transform(),
        )
    plot.margins(x=0)
    plot.set(
        xlim=(0, 1.3 * max(sizes)),
        xlabel="images",
        ylabel="cluster",
        yticks=list(rows),
        ylim=(len(sizes) - 0.4, -0.6),
    )
    plot.tick_params(axis="y", length=0, pad=20)
    return figure
