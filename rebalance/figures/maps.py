"""The figure of the map that a class was clustered on: its images as points, picked or dropped.

May not import torch or click; matplotlib is imported when a map is drawn.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.figures.canvas import MARKERS, PALETTE, frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 600, 450  # CSS pixels
MARGIN = 0.06  # of the larger extent, on every side
SMALL = 70  # CSS pixels: a cluster lower than this would lie under its number
UNKNOWN = "#7F7F7F"
INK = "#1b1b1b"


@dataclass(frozen=True, eq=False)
class Map:
    """The N images of one class, as points on its map.

    points: their positions [N, 2], finite. clusters: of each [N], -1 where none is known.
    kept: whether each is trained on [N].
    """

    points: NDArray[np.float64]
    clusters: NDArray[np.int64]
    kept: NDArray[np.bool_]

    @cached_property
    def window(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lowest and highest (x, y) of the figure; both axes have the same scale."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        extent = np.maximum(high - low, 0)
        shape = np.array([WIDTH, HEIGHT], float)
        # Coordinates per pixel; points that are all one still need a window around them.
        unit = float((extent * (1 + 2 * MARGIN) / shape).max()) or 1.0
        middle = (low + high) / 2
        return middle - shape * unit / 2, middle + shape * unit / 2

    @property
    def fractions(self) -> NDArray[np.float64]:
        """The place of each point in the figure [N, 2]: 0 to 1 from the left, and from the top."""
        low, high = self.window
        across = (self.points - low) / (high - low)
        across[:, 1] = 1 - across[:, 1]
        return np.asarray(across)


def draw_map(data: Map) -> "Figure":
    """Draw the map: a cluster is a colour and a mark, picked images filled, dropped ones hollow.

    Dropped images are also pale.

    Points are rasterised, so that many make no larger a file; a cluster's number is at its median.
    """
    figure, plot = frame(WIDTH, HEIGHT)
    low, high = data.window
    plot.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=(), yticks=())
    for spine in plot.spines.values():
        spine.set(visible=True, color="#b0b0b0")
    size = marker_size(len(data.points))
    numbers = np.unique(data.clusters).tolist()
    for cluster in numbers:  # dropped points first: what was picked lies on top
        _scatter(plot, data, cluster, size, kept=False)
    for cluster in numbers:
        _scatter(plot, data, cluster, size, kept=True)
    for cluster in numbers:
        if cluster >= 0:
            _name(plot, data, cluster)
    return figure


def marker_size(count: int) -> float:
    """Return the width in points of the marks of ``count`` images: the more, the smaller."""
    return float(np.clip(12 - 2 * np.log10(max(1, count)), 2.5, 9))


def mark(cluster: int) -> tuple[str, str]:
    """Return the colour and the marker of a cluster, -1 being none.

    The first 81 clusters have a pair of their own.
    """
    if cluster < 0:
        return UNKNOWN, "."
    turn = cluster // len(PALETTE)
    return PALETTE[cluster % len(PALETTE)], MARKERS[(cluster + turn) % len(MARKERS)]


def _scatter(plot: "Axes", data: Map, cluster: int, size: float, *, kept: bool) -> None:
    from matplotlib.colors import to_rgb

    chosen = (data.clusters == cluster) & (data.kept == kept)
    x, y = data.points[chosen].T
    colour, marker = mark(cluster)
    look: dict[str, Any]
    if kept:
        look = {"mfc": colour, "mec": INK, "mew": size / 9, "ms": size * 1.1}
    else:
        # A little darker, for yellow is hardly seen as a thin line.
        line = tuple(0.8 * value for value in to_rgb(colour))
        look = {"mfc": "none", "mec": line, "mew": size / 9, "ms": size * 0.75, "alpha": 0.6}
    plot.plot(x, y, linestyle="none", marker=marker, rasterized=True, **look)


def _name(plot: "Axes", data: Map, cluster: int) -> None:
    """Write the cluster's number at its median, or above a cluster that it would cover."""
    from matplotlib.patheffects import withStroke

    points = data.points[data.clusters == cluster]
    low, high = data.window
    x, y = np.median(points, axis=0)
    pixels = HEIGHT / (high[1] - low[1])
    top = points[:, 1].max()
    above = (top - points[:, 1].min()) * pixels < SMALL
    # Not beyond the upper edge, where a cluster that lies there has its number beside it.
    beside = above and (high[1] - top) * pixels < 40
    plot.annotate(
        str(cluster),
        (points[:, 0].max(), y) if beside else (x, top) if above else (x, y),
        (12, 0) if beside else (0, 10) if above else (0, 0),
        textcoords="offset points",
        ha="left" if beside else "center",
        va="bottom" if above and not beside else "center",
        fontsize=20,
        fontweight="bold",
        color=INK,
        path_effects=[withStroke(linewidth=5, foreground="white")],
        zorder=10,
    )
