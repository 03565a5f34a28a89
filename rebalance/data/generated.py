"""Images that a generator made, in a folder of their own, and how a manifest names them.

Their names are relative to the root of the manifest as all names are, and may lead out of it:
``../gan/cat/1.png``. So whoever joins root and name finds the file. Where they lead is said once,
by the record, and a name that leads anywhere else is refused. Imports neither numpy nor torch.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rebalance.data.folder import ImageFolder, is_utf8, scan
from rebalance.data.naming import numbered
from rebalance.errors import DataError
from rebalance.settings import FolderOptions

GENERATED = "generated"  # the kind of a row


@dataclass(frozen=True)
class GeneratedImages:
    """The images of a generator, under the classes of the data that they are for.

    way: how the folder of them is reached from the root of that data, POSIX.
    """

    folder: ImageFolder
    way: str

    def name(self, place: int) -> str:
        """Name an image as rows of a manifest name it: relative to the root of the data."""
        return (PurePosixPath(self.way) / self.folder.paths[place]).as_posix()


def generated_images(
    place: Path, root: Path, classes: Sequence[str], options: FolderOptions
) -> GeneratedImages:
    """List the folder at ``place``; a class that has no images there is no error.

    root: of the data; classes: its classes, which the folder's are translated to. Raises DataError
    as ``scan`` does, and for images of a class that is not among ``classes``.
    """
    found = scan(
        place, allow_empty=True, as_classes=options.as_classes, extensions=options.extensions
    )
    number = numbered(
        place, found, classes, "generated images must be of the classes that they are added to"
    )
    labels = tuple(number[found.classes[label]] for label in found.labels)
    # As the system follows links: a name that leads up from a link leads up from where that ends.
    way = Path(os.path.relpath(found.root.resolve(), root.resolve())).as_posix()
    if not is_utf8(way):
        raise DataError(
            f"a manifest needs names in UTF-8, and {str(place)!r} lies in a folder that has none: "
            "rename that"
        )
    folder = replace(found, classes=tuple(classes), labels=labels)
    return GeneratedImages(folder, way)


def is_plain(name: str) -> bool:
    """Tell whether a file name is relative, and has nothing that leads up or nowhere.

    >>> from rebalance.data.generated import is_plain
    >>> [is_plain(name) for name in ("cat/1.png", "../1.png", "/1.png", "cat//1.png")]
    [True, False, False, False]
    """
    dotted = "./" in name or "//" in name or name.endswith(("/", "."))
    if name and not dotted and not name.startswith("/"):
        return True  # as nearly all are, which is told in a tenth of the time
    found = PurePosixPath(name)
    return not found.is_absolute() and ".." not in found.parts and str(found) == name


def is_within(name: str, way: str | None) -> bool:
    """Tell whether a name leads to a file of the folder that is reached by ``way``, and no other.

    A way leads up first and then down, if at all: nowhere up again.

    >>> from rebalance.data.generated import is_within
    >>> is_within("../gan/cat/1.png", "../gan"), is_within("../gan/../1.png", "../gan")
    (True, False)
    """
    if not way or not name.startswith(f"{way}/"):
        return False
    down = way
    while down.startswith("../"):
        down = down[len("../") :]
    return (down == ".." or is_plain(down)) and is_plain(name[len(way) + 1 :])
