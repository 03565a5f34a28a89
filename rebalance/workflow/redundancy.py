"""Near-duplicates that are left out before anything else is."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rebalance.data.images import read_each
from rebalance.data.unreadable import report_unreadable, require_images
from rebalance.inspection import Look, look
from rebalance.parallel import chosen_workers

if TYPE_CHECKING:
    from rebalance.data.folder import ImageFolder, Unreadable
    from rebalance.features.table import FeatureTable
    from rebalance.progress import Progress
    from rebalance.selection import Selection
    from rebalance.settings import RunOptions

log = logging.getLogger("rebalance")

Looks = dict[int, Look | None]


def look_at_all(
    folder: "ImageFolder", run: "RunOptions", progress: "Progress"
) -> "tuple[ImageFolder, Looks, list[Unreadable]]":
    """The readable images with their looks by position, and the others.

    Raises UnreadableImage and DataError as ``inspection.readable_part``, whose place it takes where
    every image is to be decoded anyway.
    """
    looks, unreadable = read_each(folder, look, chosen_workers(run.workers), progress)
    report_unreadable(unreadable, len(folder.paths), strict=run.strict)
    readable = folder.take(place for place, seen in enumerate(looks) if seen is not None)
    require_images(folder, readable)
    return readable, dict(enumerate(filter(None, looks))), unreadable


def look_at(
    folder: "ImageFolder", labels: Mapping[int, int], run: "RunOptions", progress: "Progress"
) -> Looks:
    """The looks of the images of these classes, by position.

    An image whose features are known can be beyond Pillow by now: it has no look, and is no
    duplicate.
    """
    places = [place for place, label in enumerate(folder.labels) if label in labels]
    looks, _ = read_each(folder.take(places), look, chosen_workers(run.workers), progress)
    return dict(zip(places, looks, strict=True))


def near_duplicates(
    folder: "ImageFolder", wanted: Mapping[int, int], looks: Looks
) -> dict[int, str]:
    """The positions of images that go because another like them stays, each with the reason.

    wanted: the size of each class that shrinks, by label; none falls below it.
    """
    from rebalance.inspection.redundancy import redundant

    labels = np.asarray(folder.labels)
    reasons: dict[int, str] = {}
    for label, size in wanted.items():
        members = np.flatnonzero(labels == label).tolist()
        own = [looks[member] for member in members]
        for gone, stays in redundant(own, len(members) - size).items():
            path = folder.paths[members[stays]]
            reasons[members[gone]] = _reason(own[gone], own[stays], path)
    log.info("near-duplicates: %d images go before any other", len(reasons))
    return reasons


def rest(folder: "ImageFolder", gone: Mapping[int, str]) -> list[int]:
    """The positions of the images that stay in the running."""
    return [position for position in range(len(folder.paths)) if position not in gone]


def running_part(
    table: "FeatureTable", gone: Mapping[int, str], layers: Sequence[str]
) -> "FeatureTable":
    """The table of the images that stay in the running, with these layers only."""
    positions = np.array(rest(table.folder, gone), np.intp)
    return replace(
        table,
        folder=table.folder.take(positions.tolist()),
        layers={name: table.layers[name].take(positions) for name in layers},
    )


def with_gone(
    folder: "ImageFolder", chosen: "Selection", gone: Mapping[int, str], cut: Iterable[int]
) -> "Selection":
    """The choice among the images in the running, as one among all of ``folder``.

    cut: the labels of the classes that shrink, whose stories tell how many went before the choice.
    """
    from rebalance.selection import Decision

    others = iter(chosen.decisions)
    decisions = [
        Decision(kept=False, reason=gone[position]) if position in gone else next(others)
        for position in range(len(folder.paths))
    ]
    went = Counter(folder.labels[position] for position in gone)
    told = {folder.classes[label]: {"deduplicated": went[label]} for label in cut}
    return replace(chosen, decisions=decisions).told(folder, told)


def _reason(gone: Look | None, stays: Look | None, path: str) -> str:
    equal = gone is not None and stays is not None and gone.digest == stays.digest
    return f"{'duplicate' if equal else 'near-duplicate'} of {path}"
