"""The image folder: which classes it has, and which files belong to each.

It has the layout of torchvision's ImageFolder. Reads the layout of torchvision's ImageFolder, so
that a number or a name means the same to both. Imports the standard library and the errors of this
package, and nothing else.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from stat import S_ISDIR

from rebalance.data import layouts
from rebalance.data.listing import ClassFiles, class_files, is_hidden, is_image, readable
from rebalance.errors import NAMED, DataError, meant, some
from rebalance.reading import beside

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
# Pictures of other kinds: what is left out of them is worth a word.
PICTURES = frozenset(
    [
        ".apng",
        ".arw",
        ".avif",
        ".bpg",
        ".cr2",
        ".cr3",
        ".dcm",
        ".dds",
        ".dng",
        ".exr",
        ".gif",
        ".hdr",
        ".heic",
        ".heics",
        ".heif",
        ".heifs",
        ".hif",
        ".ico",
        ".icns",
        ".j2c",
        ".j2k",
        ".jfi",
        ".jfif",
        ".jif",
        ".jls",
        ".jp2",
        ".jpc",
        ".jpe",
        ".jpf",
        ".jpx",
        ".jxl",
        ".jxr",
        ".mpo",
        ".nef",
        ".nii",
        ".orf",
        ".pam",
        ".pbm",
        ".pcx",
        ".pef",
        ".pfm",
        ".pnm",
        ".psd",
        ".qoi",
        ".raf",
        ".raw",
        ".rgb",
        ".rw2",
        ".sgi",
        ".srw",
        ".svg",
        ".svgz",
        ".tga",
        ".wdp",
        ".xbm",
        ".xcf",
        ".xpm",
    ]
)
ENDINGS = (*EXTENSIONS, *sorted(PICTURES))  # what tables of images name

LAYOUT = "a folder that holds one folder of images per class"


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
    ignored: files in the class folders that are not read as images, by class and by extension.
    passed_over: hidden and system folders that hold images, relative to ``root``.
    """

    root: Path
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    ignored: Mapping[str, Mapping[str, int]] = field(default_factory=dict, compare=False)
    passed_over: tuple[str, ...] = field(default=(), compare=False)

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


def scan(
    root: Path | str,
    *,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Iterable[str] = (),
) -> ImageFolder:
    """List the classes and image files under ``root`` as torchvision's ImageFolder does.

    Classes are the sub-folders; a file belongs to the class folder it lies under, however deep, if
    its name ends in one of ``EXTENSIONS`` or of ``extensions``, in any case; the dot of the latter
    may be left out. Links are followed, except into a folder that they are already inside of
    (torchvision would go round). No file is opened. Unlike torchvision, it passes over hidden
    folders, those of ``SYSTEM_FOLDERS``, and files that macOS keeps its own notes in.

    ``allow_empty`` keeps classes without an image, at their place in the order. ``as_classes``
    takes the sub-folders as classes even where they look like something else.

    Raises DataError where there is no such folder, it or a folder in it may not be read, it has no
    classes or no images, a class is empty, the name of a class is not valid UTF-8; and, unless
    ``as_classes`` insists, where the sub-folders are train, val and test, or hold no images but in
    sub-folders of the same names.
    """
    root = Path(root).absolute()
    _check_folder(root)
    endings = (*EXTENSIONS, *(f".{ending.lower().lstrip('.')}" for ending in extensions))
    names, hidden = _class_names(root, endings)
    found = {name: class_files(root, name, endings) for name in names}
    if not as_classes:
        _refuse_splits(root, found)
        _refuse_repeated(root, found)
    ignored = {name: dict(sorted(each.ignored.items())) for name, each in found.items()}
    if not any(each.images for each in found.values()):
        raise DataError(
            f"{_quote(root)} has class folders ({some(names)}) but no images in them"
            f"{_other_files(ignored.values())}; images end in {' '.join(endings)}"
        )
    empty = [name for name in names if not found[name].images]
    if empty and not allow_empty:
        raise DataError(
            f"every class needs images, but {len(empty)} of the {len(names)} class folders in "
            f"{_quote(root)} hold none: {some(empty)}"
            f"{_other_files(ignored[name] for name in empty)}; remove them, or pass --allow-empty"
        )
    labels = tuple(label for label, name in enumerate(names) for _ in found[name].images)
    passed_over = chain(
        (name for name in sorted(hidden) if class_files(root, name, endings).images),
        chain.from_iterable(found[name].passed_over for name in names),
    )
    return ImageFolder(
        root,
        tuple(names),
        tuple(chain.from_iterable(found[name].images for name in names)),
        labels,
        {name: kinds for name, kinds in ignored.items() if kinds},
        tuple(passed_over),
    )


def is_utf8(name: str) -> bool:
    """Tell whether a file name, as Python gives it, can be written as UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_folder(root: Path) -> None:
    with readable():
        try:
            mode = root.stat().st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            found = "is a broken link" if root.is_symlink() else "does not exist"
            hint = meant(root.name, beside(root))
            raise DataError(f"{_quote(root)} {found}; give {LAYOUT}{hint}") from error
    if not S_ISDIR(mode):
        raise DataError(f"{_quote(root)} is a file; give {LAYOUT}")
    if not is_utf8(str(root)):
        raise DataError(f"the path {_quote(root)} is not valid UTF-8; rename the folder")


def _class_names(root: Path, endings: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The names of the class folders, and those of hidden and system folders beside them."""
    with readable(), os.scandir(root) as entries:
        kinds = [(entry.name, entry.is_dir()) for entry in entries]
    folders = [name for name, is_folder in kinds if is_folder]
    hidden = [name for name in folders if is_hidden(name)]
    names = [name for name in folders if not is_hidden(name)]
    if not names and any(is_image(name, endings) for name, _ in kinds):
        raise DataError(
            f"{_quote(root)} holds images but no class folders; sort them into one folder per "
            "class, or give the folder above it if this is a class itself"
        )
    if not names:
        more = f" but hidden ones ({some(sorted(hidden))})" if hidden else ""
        raise DataError(f"{_quote(root)} holds no class folders{more}; give {LAYOUT}")
    for name in names:
        if not is_utf8(name):
            raise DataError(
                f"class folders need names in UTF-8, but {_quote(root)} holds {name!r}; rename it"
            )
    return sorted(names), hidden


def _refuse_splits(root: Path, found: Mapping[str, ClassFiles]) -> None:
    """Raise DataError where the folders in ``root`` are splits, which hold the classes in turn."""
    names = layouts.splits(found)
    lone = [name for name in found if layouts.split_kind(name) == "train"]
    if not names and len(lone) == len(found):
        names = lone
    if not names:
        return
    meant = [name for name in names if found[name].inside and not found[name].at_top]
    remedy = (
        f"pass {_quote(root / meant[0])}"
        if meant
        else "sort the images of one of them into a folder per class, or import a table of labels"
    )
    raise DataError(
        f"{_quote(root)} holds splits ({some(names)}) where class folders were expected; "
        f"{remedy}, or --as-classes if they are classes all the same"
    )


def _refuse_repeated(root: Path, found: Mapping[str, ClassFiles]) -> None:
    """Raise DataError where folders hold no images but in sub-folders of the same names."""
    inside = {name: each.inside for name, each in found.items() if each.images and not each.at_top}
    folders, names = layouts.repeated(inside)
    if folders:
        raise DataError(
            f"in {_quote(root)} the folders {some(folders)} hold no images of their own but the "
            f"same sub-folders ({some(names)}), as if these were the classes; pass one of them, "
            f"such as {_quote(root / folders[0])}, or --as-classes if they are classes all the same"
        )


def _quote(path: Path) -> str:
    """Put the path between quotes, on one line whatever is in it."""
    return repr(str(path))


def _other_files(ignored: Iterable[Mapping[str, int]]) -> str:
    """Return what was found in place of images, for an error about their absence."""
    found = sum(map(Counter, ignored), Counter[str]())
    kinds = [f"{count} {ending}" for ending, count in found.most_common(NAMED) if ending]
    if not kinds:
        return ""
    advice = "; --extensions reads other kinds of image" if PICTURES & found.keys() else ""
    return f" (but {', '.join(kinds)}{advice})"
