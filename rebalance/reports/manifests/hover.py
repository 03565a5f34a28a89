"""What a map tells of a point that is pointed at: its name, its cluster and its picture.

``templates/map.js`` reads it. Imports numpy and Pillow; nothing heavier.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.figures.maps import Map
from rebalance.reports.manifests.members import ClassStory, Member
from rebalance.reports.manifests.sheets import evenly
from rebalance.undersampling import allot

PICTURES = 3000  # points with a picture, over the page
SIDES = (96, 64, 48)  # of a picture: the first with which all fit into the pixels below
PIXELS = 5_000_000
NAMES = 1_500_000  # letters of names over the page; beyond, only points with a picture have one
COLUMNS = 40  # of pictures in an atlas
FULL = 65535
NO_CLUSTER = 127
KEPT = 128


def shares(stories: Sequence[ClassStory], total: int = PICTURES) -> list[int]:
    """How many of the points on each map get a picture: the same number, as far as there are."""
    sizes = [len(story.placed) for story in stories]
    return allot(sizes, min(total, sum(sizes))) if sizes else []


def side_for(pictures: int) -> int:
    """The side of ``pictures`` pictures in pixels."""
    return next((side for side in SIDES if pictures * side * side <= PIXELS), SIDES[-1])


def pictured(story: ClassStory, count: int) -> list[int]:
    """Positions among the placed images: those with a picture, picked ones first."""
    numbered = {id(member): place for place, member in enumerate(story.placed)}
    ranked = [member for group in story.clusters.values() for member in group]
    picked = evenly([member for member in ranked if member.kept], count)
    rest = count - len(picked)
    dropped = evenly([member for member in ranked if not member.kept], rest) if rest else []
    return [numbered[id(member)] for member in (*picked, *dropped)]


def named_fully(stories: Sequence[ClassStory]) -> bool:
    """Whether there is room for the names of all points."""
    letters = 0
    for story in stories:
        names = [member.file_name for member in story.placed]
        letters += sum(map(len, names)) - len(names) * len(_common_start(names))
    return letters <= NAMES


def hover_data(
    story: ClassStory, data: Map, first: Sequence[int], side: int, *, all_named: bool
) -> dict[str, Any]:
    """What ``map.js`` needs for one map, as JSON types; numbers as base64 of little-endian arrays.

    first: positions of the points with a picture. They stand in front, in the atlas's order.
    """
    rest = np.setdiff1d(np.arange(len(story.placed)), np.asarray(first, int))
    order = np.concatenate([np.asarray(first, int), rest])
    members = [story.placed[place] for place in order.tolist()]
    distances = np.array([np.nan if it.distance is None else it.distance for it in members])
    known = distances[np.isfinite(distances)]
    scale = float(known.max()) if known.size else 0.0
    named = members if all_named else members[: len(first)]
    prefix = _common_start([member.file_name for member in named])
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


def _common_start(names: Sequence[str]) -> str:
    """What all names begin with."""
    if not names:
        return ""
    low, high = min(names), max(names)
    parted = (
        place for place, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]
    )
    return low[: next(parted, len(low))]


def _flag(member: Member) -> int:
    cluster = NO_CLUSTER if member.cluster is None else min(member.cluster, NO_CLUSTER - 1)
    return cluster + KEPT * member.kept


def _encoded(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.rint(values).astype(kind).tobytes()).decode("ascii")
