"""What the bytes of image files say of them before a network looks at any: what they are known by.

Imports neither torch nor click.
"""

from dataclasses import dataclass
from pathlib import Path

from rebalance.data.files import digest, formats_of, read_bytes
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.images import measure
from rebalance.data.levels import Levels
from rebalance.data.survey import read_each
from rebalance.progress import Progress, silent


@dataclass(frozen=True)
class FileMark:
    """What the bytes of a file say of it before any network looks at it.

    levels: None for a file of 8 bits a sample, which is not decoded for it.
    """

    digest: bytes
    levels: Levels | None = None


def _mark(path: Path) -> FileMark:
    data = read_bytes(path)
    return FileMark(digest(data), measure(data, formats_of(path)))


def read_marks(
    folder: ImageFolder, workers: int, progress: Progress = silent
) -> tuple[list[FileMark | None], list[Unreadable]]:
    """Read every file, as ``survey.read_each`` does; a file of 8 bits is not decoded."""
    return read_each(folder, _mark, workers, progress)


def image_keys(
    folder: ImageFolder, workers: int, progress: Progress = silent
) -> tuple[list[bytes | None], list[Unreadable]]:
    """Compute the digest of every file, aligned with ``folder.paths``; None if it is unreadable."""

    def key(path: Path) -> bytes:
        return digest(read_bytes(path))

    return read_each(folder, key, workers, progress)
