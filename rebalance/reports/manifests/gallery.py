"""The photographs on the page of a manifest: each image read once, all no larger than allowed.

Imports numpy and Pillow; nothing heavier.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from rebalance.data.thumbnails import Tiles, read_tiles, sheet, shrunk
from rebalance.progress import Progress
from rebalance.reports.manifests import blends, hover
from rebalance.reports.manifests.drawings import slug
from rebalance.reports.manifests.members import ClassStory, repeats
from rebalance.reports.manifests.scope import Scope
from rebalance.reports.manifests.sheets import Strip, across, sheets_of
from rebalance.reports.page import Picture, data_address
from rebalance.reports.photographs import encoded

REPEATED = 8  # images of a class that are shown


class Gallery:
    """Photographs by name, as JPEG files and as the page shows them."""

    def __init__(self, pictures: Mapping[str, Image.Image]) -> None:
        self.files = encoded(pictures)
        self._sizes = {key: picture.size for key, picture in pictures.items()}

    def address(self, key: str) -> str:
        """The photograph as an address that holds it; "" where there is none of that name."""
        return data_address(self.files[key], "image/jpeg") if key in self.files else ""

    def picture(self, key: str, alt: str, caption: str = "") -> Picture:
        """The photograph with a text."""
        return Picture(self.address(key), alt, *self._sizes[key], caption)


def gather(root: Path, scope: Scope, workers: int, progress: Progress) -> Gallery:
    """All photographs of the page, of images under ``root``."""
    names = list(dict.fromkeys(_needed(scope)))
    side = max(scope.sheet_side, scope.hover_side, scope.blend_side)
    places = {name: place for place, name in enumerate(names)}
    read = read_tiles(root, names, side, workers, progress)

    def tiles(names: Sequence[str], side: int) -> Tiles:
        return shrunk(read[[places[name] for name in names]], side)

    found = {}
    for story, first in zip(scope.stories, scope.points, strict=True):
        for key, strip in strips_of(story, scope.count):
            chosen = tiles([member.file_name for member in strip.members], scope.sheet_side)
            found[key] = sheet(chosen, across(scope.count))
        if first:
            chosen = tiles([story.placed[place].file_name for place in first], scope.hover_side)
            found[f"{slug(story)}-points"] = sheet(chosen, hover.COLUMNS, gap=0)
        for number, (name, _) in enumerate(repeats(story)[:REPEATED], 1):
            found[f"{slug(story)}-repeated-{number}"] = sheet(tiles([name], scope.blend_side), 1)
        pairs = blends.read_pairs(root, blends.pairs_of(story), scope.blend_side, workers)
        for number, pair in enumerate(pairs, 1):
            found[f"{slug(story)}-blend-{number}"] = sheet(pair, 3)
    for number, name in enumerate(scope.suspects, 1):
        found[f"suspect-{number}"] = sheet(tiles([name], scope.blend_side), 1)
    return Gallery(found)


def strips_of(story: ClassStory, count: int) -> Iterator[tuple[str, Strip]]:
    """The strips of a class, of ``count`` tiles, and what their photographs are called."""
    for each in sheets_of(story, count):
        for strip in each.strips:
            yield strip_name(story, each.cluster, strip), strip


def strip_name(story: ClassStory, cluster: int | None, strip: Strip) -> str:
    """What the photograph of a strip is called."""
    return f"{slug(story)}-{'all' if cluster is None else f'cluster-{cluster}'}-{strip.kind}"


def _needed(scope: Scope) -> Iterator[str]:
    yield from scope.suspects
    for story, first in zip(scope.stories, scope.points, strict=True):
        for _, strip in strips_of(story, scope.count):
            yield from (member.file_name for member in strip.members)
        yield from (story.placed[place].file_name for place in first)
        yield from (name for name, _ in repeats(story)[:REPEATED])
