"""The page tells what was seen of the images, and shows some of them.

Imports numpy and Pillow; may not import torch or click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from rebalance.advice.quantities import counted
from rebalance.data.thumbnails import as_jpegs, read_tiles
from rebalance.progress import Progress
from rebalance.records import AdviceRecord
from rebalance.reports.page import Picture, data_address

SIDE = 112  # pixels of a picture
BYTES = 1_500_000  # of all pictures together; as text they take a third more
TOGETHER = 6  # images that are shown of those that belong together


@dataclass(frozen=True)
class PictureGroup:
    """Pictures of images that belong together, and a word on those that are not shown."""

    pictures: Sequence[Picture]
    more: str


@dataclass(frozen=True)
class ShownLook:
    """A look, as the page shows it.

    warning: whether it should be mended first. groups: of the images that it is about.
    """

    sentence: str
    warning: bool
    groups: Sequence[PictureGroup]


def sights(
    record: AdviceRecord, workers: int, progress: Progress
) -> tuple[Sequence[ShownLook], str]:
    """Tell what was seen, with pictures; and why there are none, where there should be some."""
    root = Path(record["story"]["root"])
    wanted = [
        name
        for look in record["looks"]
        for group in look["images"]
        for name in group[:TOGETHER]
        if is_inside(name)
    ]
    names = list(dict.fromkeys(wanted))
    found = {name for name in names if (root / name).is_file()}
    pictures = _pictures(root, [name for name in names if name in found], workers, progress)
    shown = [
        ShownLook(look["sentence"], look["warning"], _groups(look["images"], pictures))
        for look in record["looks"]
    ]
    lost = len(names) - len(found)
    note = f"{counted(lost, 'image')} can no longer be found in {root}." if lost else ""
    return shown, note


def is_inside(name: str) -> bool:
    """Tell whether a name is relative and leads nowhere out of its folder, as all of ours do."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _groups(images: Sequence[Sequence[str]], pictures: Mapping[str, Picture]) -> list[PictureGroup]:
    groups = []
    for each in images:
        shown = [pictures[name] for name in each[:TOGETHER] if name in pictures]
        more = len(each) - TOGETHER
        if shown:
            groups.append(
                PictureGroup(shown, f"and {counted(more, 'more image')}" if more > 0 else "")
            )
    return groups


def _pictures(
    root: Path, names: Sequence[str], workers: int, progress: Progress
) -> dict[str, Picture]:
    if not names:
        return {}
    tiles = read_tiles(root, names, SIDE, workers, progress)
    made = {name: Image.fromarray(tile) for name, tile in zip(names, tiles, strict=True)}
    files = as_jpegs(made, BYTES)
    return {
        # The caption names it.
        name: Picture(data_address(files[name], "image/jpeg"), "an image", SIDE, SIDE, name, [name])
        for name in names
    }
