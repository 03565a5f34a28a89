"""The map of a class on its page: the figure, and the data of each point for the mouse.

``templates/map.js`` reads the latter. Imports numpy and Pillow; matplotlib is imported when a map
is drawn.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.figures.maps import Map, draw_map
from rebalance.reports.figures import FigureFiles
from rebalance.reports.manifests.layout import common_start
from rebalance.reports.manifests.members import ClassHistory, Member, slug
from rebalance.reports.page import Picture

COLUMNS = 40  # of pictures in an atlas
FULL = 65535
NO_CLUSTER = 127
KEPT = 128


def hover_data(
    story: ClassHistory, data: Map, first: Sequence[int], side: int, *, all_named: bool
) -> dict[str, Any]:
    """Return what ``map.js`` needs for one map, as JSON types.

    Numbers are little-endian arrays in base64.

    first: positions of the points with a picture. They stand in front, in the atlas's order.
    """
    rest = np.setdiff1d(np.arange(len(story.placed)), np.asarray(first, int))
    order = np.concatenate([np.asarray(first, int), rest])
    members = [story.placed[place] for place in order.tolist()]
    distances = np.array([np.nan if it.distance is None else it.distance for it in members])
    known = distances[np.isfinite(distances)]
    scale = float(known.max()) if known.size else 0.0
    named = members if all_named else members[: len(first)]
    prefix = common_start([member.file_name for member in named])
    return {
        "x": _encoded(data.fractions[order, 0] * FULL, "<u2"),
        "y": _encoded(data.fractions[order, 1] * FULL, "<u2"),
        "flags": _encoded(np.array([_flag(member) for member in members]), "u1"),
        # The highest value stands for a distance that nobody knows.
        "distances": _encoded(
            np.where(np.isfinite(distances), distances / (scale or 1) * (FULL - 1), FULL), "<u2"
        ),
        "scale": scale,
        "prefix": prefix,
        "names": [member.file_name[len(prefix) :] for member in named],
        "pictures": len(first),
        "side": side,
        "columns": COLUMNS,
    }


def _flag(member: Member) -> int:
    cluster = NO_CLUSTER if member.cluster is None else min(member.cluster, NO_CLUSTER - 1)
    return cluster + KEPT * member.kept


def _encoded(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.rint(values).astype(kind).tobytes()).decode("ascii")


def map_picture(story: ClassHistory, data: Map, figures: FigureFiles) -> Picture:
    """Draw the map of a class."""
    clusters = sum(cluster is not None for cluster in story.clusters)
    alt = (
        f"Map of {len(story.placed)} images of class {story.name} in {clusters} clusters; "
        f"{int(data.kept.sum())} of them were picked."
    )
    return figures.add_points(f"{slug(story)}-map", draw_map(data), alt)
