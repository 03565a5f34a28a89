"""The photographs on the page of a manifest: each image read once, all no larger than allowed.

Imports numpy and Pillow; nothing heavier.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.recipes import sample_image
from rebalance.data.thumbnails import (
    Tiles,
    as_jpegs,
    cross,
    fitted,
    read_small,
    read_tiles,
    sheet,
    shrunk,
)
from rebalance.manifest import Row
from rebalance.parallel import ordered_map
from rebalance.progress import Progress
from rebalance.reports.manifests.layout import Scope, Strip, across, sheets_of
from rebalance.reports.manifests.maps import COLUMNS
from rebalance.reports.manifests.members import ClassHistory, generated_of, repeats, slug
from rebalance.reports.page import Picture, data_address

REPEATED = 8  # images of a class that are shown
SHOWN_RECIPES = 8
BYTES = 3_800_000  # of all photographs; as text they take a third more


class Photographs:
    """Photographs by name, as JPEG files and as the page shows them."""

    def __init__(self, pictures: Mapping[str, Image.Image]) -> None:
        self.files = as_jpegs(pictures, BYTES)
        self._sizes = {key: picture.size for key, picture in pictures.items()}

    def address(self, key: str) -> str:
        """Return the photograph as an address that holds it; "" where none has that name."""
        return data_address(self.files[key], "image/jpeg") if key in self.files else ""

    def picture(
        self, key: str, alt: str, caption: str, files: Sequence[str], columns: int = 1, **data: str
    ) -> Picture:
        """Return the photograph as a picture with a text; the rest is as ``Picture`` has it."""
        return Picture(self.address(key), alt, *self._sizes[key], caption, files, columns, data)


def read_photographs(
    root: Path, scope: Scope, workers: int, progress: Progress, scale: DepthScale | None = None
) -> Photographs:
    """Read all photographs of the page, of images under ``root``.

    scale: of the set that the images are from, where it is known.
    """
    names = list(dict.fromkeys(_needed(scope)))
    side = max(scope.sheet_side, scope.hover_side, scope.blend_side)
    places = {name: place for place, name in enumerate(names)}
    read = read_tiles(root, names, side, workers, progress, scale)

    def tiles(names: Sequence[str], side: int) -> Tiles:
        return shrunk(read[[places[name] for name in names]], side)

    found = {}
    for story, first in zip(scope.stories, scope.points, strict=True):
        for key, strip in strips_of(story, scope.count):
            chosen = tiles([member.file_name for member in strip.members], scope.sheet_side)
            found[key] = sheet(chosen, across(scope.count))
        if first:
            chosen = tiles([story.placed[place].file_name for place in first], scope.hover_side)
            found[f"{slug(story)}-points"] = sheet(chosen, COLUMNS, gap=0)
        for number, (name, _) in enumerate(repeats(story)[:REPEATED], 1):
            found[f"{slug(story)}-repeated-{number}"] = sheet(tiles([name], scope.blend_side), 1)
        for number, name in enumerate(generated_of(story, SHOWN_RECIPES), 1):
            found[f"{slug(story)}-generated-{number}"] = sheet(tiles([name], scope.blend_side), 1)
        made = read_made(root, made_of(story), scope.blend_side, workers, scale or EACH_ALONE)
        for number, tiles_of_one in enumerate(made, 1):
            found[f"{slug(story)}-blend-{number}"] = sheet(tiles_of_one, len(tiles_of_one))
    for number, name in enumerate(scope.suspects, 1):
        found[f"suspect-{number}"] = sheet(tiles([name], scope.blend_side), 1)
    return Photographs(found)


def strips_of(story: ClassHistory, count: int) -> Iterator[tuple[str, Strip]]:
    """Yield the strips of a class, of ``count`` tiles, after the names of their photographs."""
    for each in sheets_of(story, count):
        for strip in each.strips:
            yield strip_name(story, each.cluster, strip), strip


def strip_name(story: ClassHistory, cluster: int | None, strip: Strip) -> str:
    """Name the photograph of a strip."""
    return f"{slug(story)}-{'all' if cluster is None else f'cluster-{cluster}'}-{strip.kind}"


def _needed(scope: Scope) -> Iterator[str]:
    yield from scope.suspects
    for story, first in zip(scope.stories, scope.points, strict=True):
        for _, strip in strips_of(story, scope.count):
            yield from (member.file_name for member in strip.members)
        yield from (story.placed[place].file_name for place in first)
        yield from (name for name, _ in repeats(story)[:REPEATED])
        yield from generated_of(story, SHOWN_RECIPES)


def made_of(story: ClassHistory) -> list[Row]:
    """Choose at most ``SHOWN_RECIPES`` of what is made for a class, evenly from all of it."""
    made = [row for row in story.added if row.is_made]
    step = max(1, len(made) // SHOWN_RECIPES)
    return made[::step][:SHOWN_RECIPES]


def files_of(row: Row) -> tuple[str, ...]:
    """Name the files that the image of a row is made of."""
    return (row.file_name,) if row.partner is None else (row.file_name, row.partner)


def read_made(
    root: Path, rows: Sequence[Row], side: int, workers: int, scale: DepthScale = EACH_ALONE
) -> list[Tiles]:
    """Read tiles [2 or 3, side, side, 3] for each row: its base, its partner and what is made."""
    return list(ordered_map(partial(_read_made, root, side, scale), rows, workers))


def _read_made(root: Path, side: int, scale: DepthScale, row: Row) -> Tiles:
    small = {name: read_small(root / name, side, scale) for name in files_of(row)}
    there = {name: image for name, image in small.items() if image is not None}
    made = sample_image(row, there.__getitem__) if there.keys() == small.keys() else None
    images = [*(small[name] for name in files_of(row)), made]
    return np.stack([cross(side) if image is None else fitted(image, side) for image in images])
