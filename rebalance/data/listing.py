"""A class folder is listed: its images in order, the other files by kind, hidden folders.

Imports the standard library and the errors of this package, and nothing else.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rebalance.errors import DataError

# Written by systems and tools beside anybody's folders; with names that begin with a dot, which are
# hidden, they are never classes, whatever lies in them.
SYSTEM_FOLDERS = frozenset(
    name.lower()
    for name in ("__MACOSX", "__pycache__", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found",
                 "RECYCLER", "System Volume Information")
)  # fmt: skip
APPLE_DOUBLE = "._"  # what macOS writes beside a file on other disks: no image, by whatever name


def is_hidden(name: str) -> bool:
    """Tell whether a folder of this name is a system's or a tool's own, and so never a class."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


@dataclass(frozen=True)
class ClassFiles:
    """The files under a class folder, and under each of its sub-folders.

    images: relative to the root. inside: names of the sub-folders that hold images, directly or
    deeper. at_top: whether there is an image in the class folder itself. ignored: other files, by
    extension. passed_over: hidden folders with images, relative to the root.
    """

    images: tuple[str, ...]
    inside: frozenset[str]
    at_top: bool
    ignored: Mapping[str, int]
    passed_over: tuple[str, ...]


def class_files(root: Path, name: str, endings: tuple[str, ...]) -> ClassFiles:
    """List what lies under the folder ``name`` of ``root``: by folder, then by file name.

    Folders are ordered by their whole path as text, so "a-b" comes before "a/b".
    """
    listings: list[tuple[str, list[str]]] = []
    ignored: Counter[str] = Counter()
    passed_over = []
    pending = [(name, frozenset({_identity(root)}))]
    while pending:
        folder, ancestors = pending.pop()
        identity = _identity(root / folder)
        if identity in ancestors:
            continue
        folders, images, others = _listing(root / folder, endings)
        listings.append((folder, sorted(images)))
        ignored.update(others)
        inside = ancestors | {identity}
        for child in folders:
            place = f"{folder}{os.sep}{child}"
            if not is_hidden(child):
                pending.append((place, inside))
            elif _listing(root / place, endings)[1]:
                passed_over.append(place.replace(os.sep, "/"))
    return ClassFiles(
        tuple(
            f"{folder}{os.sep}{image}".replace(os.sep, "/")
            for folder, images in sorted(listings)
            for image in images
        ),
        frozenset(
            Path(folder).parts[1] for folder, images in listings if images and folder != name
        ),
        any(images for folder, images in listings if folder == name),
        ignored,
        tuple(sorted(passed_over)),
    )


def _identity(folder: Path) -> tuple[int, int]:
    """Return what two paths to one folder have in common."""
    with readable():
        status = folder.stat()
    return status.st_dev, status.st_ino


def _listing(folder: Path, endings: tuple[str, ...]) -> tuple[list[str], list[str], list[str]]:
    """Names of the folders and the images in ``folder``, and the extensions of its other files.

    In no particular order.
    """
    folders, images, others = [], [], []
    with readable(), os.scandir(folder) as entries:
        for entry in entries:
            if _leads_to_folder(entry):
                folders.append(entry.name)
            elif is_image(entry.name, endings):
                images.append(entry.name)
            else:
                others.append(_extension(entry.name))
    return folders, images, others


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that goes nowhere counts as a file, which then cannot be read.
        return False


def is_image(name: str, endings: tuple[str, ...]) -> bool:
    """Tell whether a file of this name is read as an image."""
    return name.lower().endswith(endings) and not name.startswith(APPLE_DOUBLE)


def _extension(name: str) -> str:
    """In lower case with its dot; "" for a name that has none, and for macOS's own notes."""
    return "" if name.startswith(APPLE_DOUBLE) else Path(name).suffix.lower()


@contextmanager
def readable() -> Iterator[None]:
    """Turn what the operating system refuses inside into a DataError that names the folder."""
    try:
        yield
    except PermissionError as error:
        raise DataError(
            f"no permission to read {error.filename!r}; make it readable, or give another folder"
        ) from error
    except OSError as error:
        raise DataError(
            f"{error.filename!r} cannot be read ({error.strerror}); repair or remove it"
        ) from error
