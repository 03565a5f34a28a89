"""The image folder: which classes it has, and which files belong to each.

It has the layout of torchvision's ImageFolder. Reads the layout of torchvision's ImageFolder, so
that a number or a name means the same to both. Imports the standard library and the errors of this
package, and nothing else.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from stat import S_ISDIR

from rebalance.errors import DataError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

LAYOUT = "a folder that holds one folder of images per class"
NAMED_AT_MOST = 5  # class folders an error lists before it counts the rest

SPLIT = re.compile(
    r"(train(ing)?|val(id(ation)?)?|test(ing)?|dev|eval(uation)?|holdout)([ _-]?(set|data|split))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Unreadable:
    """An image left out: its path as in ``ImageFolder.paths``, its class name, and the reason."""

    path: str
    label: str
    reason: str


@dataclass(frozen=True)
class ImageFolder:
    """The files of a labelled image folder, in torchvision's order.

    root: absolute, as the user wrote it (links in it are not resolved).
    classes: names of the class folders, sorted by code point (class10 before class2).
    paths: one per image, relative to ``root``, with forward slashes. A name that is not valid UTF-8
        is kept with its bytes as surrogate escapes.
    labels: for each of ``paths`` the position of its class in ``classes``.
    """

    root: Path
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]

    @property
    def counts(self) -> list[int]:
        """The number of images of each class, in the order of ``classes``; 0 for an empty class."""
        counts = [0] * len(self.classes)
        for label in self.labels:
            counts[label] += 1
        return counts

    def unreadable(self, position: int, reason: str) -> Unreadable:
        """Return the image at ``position`` as one that is left out for ``reason``."""
        return Unreadable(self.paths[position], self.classes[self.labels[position]], reason)

    def take(self, positions: Iterable[int]) -> "ImageFolder":
        """Return the images at ``positions``, in that order, under the same root and classes."""
        chosen = list(positions)
        return replace(
            self,
            paths=tuple(self.paths[position] for position in chosen),
            labels=tuple(self.labels[position] for position in chosen),
        )


def scan(root: Path | str, *, allow_empty: bool = False) -> ImageFolder:
    """List the classes and image files under ``root`` exactly as torchvision's ImageFolder does.

    Classes are the sub-folders, hidden ones too; a file belongs to the class folder it lies under,
    however deep, if its name ends in one of ``EXTENSIONS`` in any case. Links are followed, except
    into a folder that they are already inside of (torchvision would go round). No file is opened.

    ``allow_empty`` keeps classes without an image, at their place in the order.

    Raises DataError where there is no such folder, it or a folder in it may not be read, it has no
    classes or no images, a class is empty, it is a parent of train, val and test folders, or the
    name of a class is not valid UTF-8.
    """
    root = Path(root).absolute()
    _check_folder(root)
    classes = _class_names(root)
    files = [_images_under(root, name) for name in classes]
    if not any(files):
        raise DataError(
            f"{_quote(root)} has class folders ({_some(classes)}) but no images in them; "
            f"images end in {' '.join(EXTENSIONS)}"
        )
    empty = [name for name, found in zip(classes, files, strict=True) if not found]
    if empty and not allow_empty:
        raise DataError(
            f"every class needs images, but {len(empty)} of the {len(classes)} class folders in "
            f"{_quote(root)} hold none: {_some(empty)}; remove them, or pass --allow-empty"
        )
    labels = tuple(label for label, found in enumerate(files) for _ in found)
    return ImageFolder(root, tuple(classes), tuple(chain.from_iterable(files)), labels)


def is_utf8(name: str) -> bool:
    """Tell whether a file name, as Python gives it, can be written as UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_folder(root: Path) -> None:
    with _readable():
        try:
            mode = root.stat().st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            found = "is a broken link" if root.is_symlink() else "does not exist"
            raise DataError(f"{_quote(root)} {found}; give {LAYOUT}") from error
    if not S_ISDIR(mode):
        raise DataError(f"{_quote(root)} is a file; give {LAYOUT}")
    if not is_utf8(str(root)):
        raise DataError(f"the path {_quote(root)} is not valid UTF-8; rename the folder")


def _class_names(root: Path) -> list[str]:
    with _readable(), os.scandir(root) as entries:
        kinds = [(entry.name, entry.is_dir()) for entry in entries]
    names = [name for name, is_folder in kinds if is_folder]
    if not names and any(_is_image(name) for name, _ in kinds):
        raise DataError(
            f"{_quote(root)} holds images but no class folders; sort them into one folder per "
            "class, or give the folder above it if this is a class itself"
        )
    if not names:
        raise DataError(f"{_quote(root)} holds no class folders; give {LAYOUT}")
    for name in names:
        if not is_utf8(name):
            raise DataError(
                f"class folders need names in UTF-8, but {_quote(root)} holds {name!r}; rename it"
            )
    _refuse_splits(root, names)
    return sorted(names)


def _refuse_splits(root: Path, names: list[str]) -> None:
    """Raise DataError where the folders in ``root`` are splits that hold the classes in turn."""
    visible = sorted(name for name in names if not name.startswith("."))
    training = [name for name in visible if name.lower().startswith("train")]
    if not all(map(SPLIT.fullmatch, visible)) or not (training or len(visible) > 1):
        return
    # Of the other splits nothing is asked: a test split is often a flat folder without classes.
    split = root / (training or visible)[0]
    folders, images = _listing(split)
    if folders and not images:
        raise DataError(
            f"{_quote(root)} holds splits ({_some(visible)}) where class folders were expected; "
            f"pass {_quote(split)}"
        )


def _images_under(root: Path, name: str) -> list[str]:
    """List the images of class ``name``, relative to ``root``: by folder, then by file name.

    Folders are ordered by their whole path as text, so "a-b" comes before "a/b".
    """
    listings = []
    pending = [(name, frozenset({_identity(root)}))]
    while pending:
        folder, ancestors = pending.pop()
        identity = _identity(root / folder)
        if identity in ancestors:
            continue
        folders, images = _listing(root / folder)
        listings.append((folder, sorted(images)))
        inside = ancestors | {identity}
        pending.extend((f"{folder}{os.sep}{child}", inside) for child in folders)
    return [
        f"{folder}{os.sep}{image}".replace(os.sep, "/")
        for folder, images in sorted(listings)
        for image in images
    ]


def _identity(folder: Path) -> tuple[int, int]:
    """Return the device and number by which two paths to one folder are recognised."""
    with _readable():
        status = folder.stat()
    return status.st_dev, status.st_ino


def _listing(folder: Path) -> tuple[list[str], list[str]]:
    """List the folders and the image files in ``folder``, in no particular order."""
    folders, images = [], []
    with _readable(), os.scandir(folder) as entries:
        for entry in entries:
            if _leads_to_folder(entry):
                folders.append(entry.name)
            elif _is_image(entry.name):
                images.append(entry.name)
    return folders, images


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that goes nowhere counts as a file, which then cannot be read.
        return False


def _is_image(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS)


@contextmanager
def _readable() -> Iterator[None]:
    """Turn an operating system's refusal inside the block into a DataError naming the folder."""
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


def _quote(path: Path) -> str:
    """Put the path between quotes, on one line whatever is in it."""
    return repr(str(path))


def _some(names: list[str]) -> str:
    named = ", ".join(repr(name) for name in names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    return f"{named} and {more} more" if more > 0 else named
