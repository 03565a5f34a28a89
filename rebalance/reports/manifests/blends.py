"""What was added to a class: pairs that are blended, and images that are repeated.

Imports numpy and Pillow; nothing heavier.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rebalance.data.blending import blend
from rebalance.data.thumbnails import Tiles, cross, fitted, read_small
from rebalance.manifest import Row
from rebalance.parallel import ordered_map
from rebalance.reports.manifests.members import ClassStory

PAIRS = 8
FORMS = ((12, 96), (24, 64))  # classes that grow, and the side of a tile where there are so many


def side_for(growing: int) -> int:
    """The side of a tile in pixels on a page where so many classes grow."""
    return next((side for classes, side in FORMS if growing <= classes), FORMS[-1][1])


def pairs_of(story: ClassStory) -> list[Row]:
    """At most ``PAIRS`` blends of a class, taken evenly from all of them."""
    blends = [row for row in story.added if row.kind == "synthetic"]
    step = max(1, len(blends) // PAIRS)
    return blends[::step][:PAIRS]


def read_pairs(root: Path, rows: Sequence[Row], side: int, workers: int) -> list[Tiles]:
    """For each blend three tiles [3, side, side, 3]: its base, its partner, and the two blended."""
    return list(ordered_map(partial(_read_pair, root, side), rows, workers))


def _read_pair(root: Path, side: int, row: Row) -> Tiles:
    images = [read_small(root / str(name), side) for name in (row.file_name, row.partner)]
    base, partner = images
    if base is not None and partner is not None and row.weight is not None:
        images.append(blend(base, partner, row.weight))
    else:
        images.append(None)
    return np.stack([cross(side) if image is None else fitted(image, side) for image in images])
