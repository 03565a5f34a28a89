"""The sides of a folder: what is trained on, and beside it what is validated and tested on.

No image is on two of them. Imports Pillow and numpy; never torch or click.
"""

import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from stat import S_ISREG

from rebalance.data.files import digest, read_bytes
from rebalance.data.folder import is_utf8
from rebalance.data.samples import scoring_folder
from rebalance.data.source import check_files, is_manifest
from rebalance.errors import DataError, UnreadableImage, some
from rebalance.manifest import Manifest, Row, read_manifest
from rebalance.parallel import ordered_map
from rebalance.settings import FolderOptions, MaterializeOptions

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class FolderSide:
    """One side: its name, where it was read from, and its rows, under the classes of training."""

    name: str
    data: Path
    manifest: Manifest

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that is needed, once, relative to the root."""
        pairs = ((row.file_name, row.partner) for row in self.manifest.rows)
        return tuple(dict.fromkeys(file for pair in pairs for file in pair if file is not None))


def open_sides(path: Path, placing: MaterializeOptions, source: FolderOptions) -> list[FolderSide]:
    """Read what is trained on, and whatever else is asked for.

    A class that another side lacks is told. Raises DataError for a side that repeats or blends
    images, or has images of a class that training has not.
    """
    trained = read_manifest(path, source.root)
    check_files(path, trained, source)
    sides = [FolderSide("train", path, trained)]
    for name, data in (("val", placing.val), ("test", placing.test)):
        if data is not None:
            side = FolderSide(name, Path(data), _originals(Path(data), trained.classes, source))
            _tell_lacking(side)
            sides.append(side)
    return sides


def _originals(data: Path, classes: Sequence[str], source: FolderOptions) -> Manifest:
    found = scoring_folder(data, classes, replace(source, root=None))
    odd = [path for path in found.paths if not is_utf8(path)]
    if odd:
        raise DataError(
            f"files need names in UTF-8, but {str(data)!r} has {len(odd)} others, the first "
            f"{odd[0]!r}: rename them"
        )
    rows = (
        Row(path, found.classes[label])
        for path, label in zip(found.paths, found.labels, strict=True)
    )
    return Manifest(found.root, found.classes, tuple(rows))


def _tell_lacking(side: FolderSide) -> None:
    lacking = [name for name, count in side.manifest.counts.items() if not count]
    if lacking:
        log.warning(
            "%s has no images of %s: an empty folder keeps the numbers of the other classes, but "
            "not every reader takes one (torchvision: allow_empty=True)",
            side.name,
            some(lacking),
        )


def check_sources(side: FolderSide, workers: int) -> None:
    """Raise DataError unless every file that is needed is there and may be read."""
    root, names = side.manifest.root, side.files
    reasons = ordered_map(lambda name: _why_not(root / name), names, workers)
    bad = [(name, reason) for name, reason in zip(names, reasons, strict=True) if reason]
    if bad:
        name, reason = bad[0]
        remedy = "make the manifest anew" if is_manifest(side.data) else "take them away"
        raise DataError(
            f"every file of {str(side.data)!r} is needed, but {len(bad)} of {len(names)} cannot be "
            f"read, the first {name!r} ({reason}): bring them back, or {remedy}"
        )


def _why_not(file: Path) -> str | None:
    """Say why a file cannot be read, as far as that is known without opening it."""
    try:
        if not S_ISREG(file.stat().st_mode):
            return "not a regular file"
    except FileNotFoundError:
        return "broken link" if file.is_symlink() else "no such file"
    except OSError as error:
        return error.strerror or type(error).__name__
    except ValueError:
        return "a null character in its name"
    return None if os.access(file, os.R_OK) else "no permission to read it"


def check_each_on_one_side(sides: Sequence[FolderSide], workers: int) -> None:
    """Raise DataError where two sides have one image: the same file, or one of equal bytes.

    Only files of equal size are read for it.
    """
    places = [(side.name, side.manifest.root / file) for side in sides for file in side.files]
    sizes = [file.stat().st_size for _, file in places]
    of_sides = {(name, size) for (name, _), size in zip(places, sizes, strict=True)}
    on_sides = Counter(size for _, size in of_sides)
    alike = [place for place, size in zip(places, sizes, strict=True) if on_sides[size] > 1]
    contents = ordered_map(_digest, (file for _, file in alike), workers)
    found: dict[str, dict[bytes, Path]] = {side.name: {} for side in sides}
    for (name, file), content in zip(alike, contents, strict=True):
        if content is not None:
            found[name].setdefault(content, file)
    for one, other in combinations(found, 2):
        _refuse_shared(one, found[one], other, found[other])


def _digest(file: Path) -> bytes | None:
    """Digest a file; None for one that cannot be an image, as it is empty or far too large."""
    try:
        return digest(read_bytes(file))
    except UnreadableImage:
        return None


def _refuse_shared(
    one: str, in_one: dict[bytes, Path], other: str, in_other: dict[bytes, Path]
) -> None:
    shared = [content for content in in_other if content in in_one]
    if shared:
        first, twin = str(in_other[shared[0]]), str(in_one[shared[0]])
        raise DataError(
            f"{len(shared)} images of {other} are also in {one}; the first is {first!r}"
            + (f", equal to {twin!r}" if twin != first else "")
            + ": take them out of one side"
        )
