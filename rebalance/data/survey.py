"""All images of a folder, each read once: what they are, and which cannot be read.

Imports Pillow and numpy; never torch or click.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rebalance.data.files import digest, formats_of, read_bytes
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.images import levels_in, opened
from rebalance.data.levels import Levels
from rebalance.errors import UnreadableImage
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent

Read = TypeVar("Read")


@dataclass(frozen=True)
class Probe:
    """A probe holds what is known of a readable image's file.

    size: (width, height) of the upright image. levels: None for a file of 8 bits a sample.
    """

    digest: bytes
    size: tuple[int, int]
    levels: Levels | None = None


def probe(path: Path) -> Probe:
    """Read and fully decode the image file at ``path``.

    Raises UnreadableImage as ``read_bytes`` and ``decode`` do.
    """
    data = read_bytes(path)
    with opened(data, formats=formats_of(path)) as image:
        return Probe(digest(data), image.size, levels_in(image))


def survey(
    folder: ImageFolder, workers: int, progress: Progress = silent
) -> tuple[list[Probe | None], list[Unreadable]]:
    """Call ``probe`` for each image of ``folder``, as ``read_each`` does."""
    return read_each(folder, probe, workers, progress)


def read_each(
    folder: ImageFolder, read: Callable[[Path], Read], workers: int, progress: Progress = silent
) -> tuple[list[Read | None], list[Unreadable]]:
    """Call ``read`` for every image of ``folder``; return the results, and the images that failed.

    The results are aligned with the paths of the folder, and None where an image is unreadable;
    both lists are in the folder's order, whatever the number of ``workers`` (threads; 0 reads in
    this one).
    """

    def attempt(position: int) -> Read | Unreadable:
        try:
            return read(folder.root / folder.paths[position])
        except UnreadableImage as error:
            return folder.unreadable(position, str(error))

    total = len(folder.paths)
    outcomes = ordered_map(attempt, range(total), workers)
    seen = list(progress(outcomes, total=total, what="reading images", unit="images"))
    found = [None if isinstance(outcome, Unreadable) else outcome for outcome in seen]
    return found, [outcome for outcome in seen if isinstance(outcome, Unreadable)]
