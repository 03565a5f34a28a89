"""The names of folders and files in a materialized folder.

A manifest is somebody's text: no name in it may lead out of the folder, or onto another sample.
Imports the standard library and the rest of this package, and nothing else.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import PurePosixPath
from unicodedata import normalize

from rebalance.data.folder import is_utf8
from rebalance.errors import DataError
from rebalance.manifest import Row

CLASS_MAP = "class_map.txt"
RECORD = ".rebalance.json"

LONGEST = 240  # bytes of a file name: file systems allow 255, and a number may follow
LONGEST_EXTENSION = 16
ENDINGS = {"synthetic": "blend", "augmented": "augmented"}  # of the names of images that are made


def check_classes(classes: Iterable[str]) -> None:
    """Raise DataError unless every class name can be that of a folder and a line of a text file."""
    for name in classes:
        if not _is_folder_name(name):
            raise DataError(
                "a class becomes a folder, so its name needs to be one, without slashes, line "
                f"breaks or null characters, and not . or ..; found {name!r}: rename the class"
            )
        if folded(name) in (CLASS_MAP, RECORD):
            raise DataError(
                f"the folder needs {CLASS_MAP} and {RECORD} for itself; found a class {name!r}: "
                "rename the class"
            )


def _is_folder_name(name: str) -> bool:
    return name not in ("", ".", "..") and is_utf8(name) and not set("/\\\0\n\r") & set(name)


def folded(name: str) -> str:
    """Fold a name so that names which a file system may take for the same become equal.

    Case and the encoding of accents make no difference.
    """
    return normalize("NFD", normalize("NFD", name).casefold())


def sample_names(rows: Sequence[Row], within: str = "") -> list[str]:
    """Name the file of each row: a path ``label/name`` relative to the folder, all different.

    within: the folder in that folder where the classes lie, if they do not lie in it themselves.

    A name keeps its extension, so that whatever reads image folders loads it; folders inside a
    class become part of the name, as in sub__1.png; a blend is name-blend.png, and an augmented
    image name-augmented.png. Where a name is
    taken, whatever the case of its letters, a number is added: originals come before the rest.
    """
    names = [""] * len(rows)
    taken: set[tuple[str, str]] = set()
    numbers: dict[tuple[str, str], int] = {}
    originals_first = sorted(range(len(rows)), key=lambda place: rows[place].kind != "original")
    for place in originals_first:
        label = rows[place].trained_as
        stem, extension = _stem_and_extension(rows[place])
        name = stem + extension
        key = wanted = label, folded(name)
        number = numbers.get(wanted, 1)
        while key in taken:
            number += 1
            name = f"{stem}-{number}{extension}"
            key = label, folded(name)
        taken.add(key)
        numbers[wanted] = number
        names[place] = f"{within}/{label}/{name}" if within else f"{label}/{name}"
    return names


def _stem_and_extension(row: Row) -> tuple[str, str]:
    name = _flat(row)
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > LONGEST_EXTENSION:
        stem, dot, extension = name, "", ""
    if row.kind in ENDINGS:
        stem, dot, extension = f"{stem}-{ENDINGS[row.kind]}", ".", "png"
    return _shortened(stem, LONGEST - len((dot + extension).encode())), dot + extension


def _flat(row: Row) -> str:
    """Turn the path of the image below its class folder into one name.

    Of a generated image elsewhere, which leads up first, all that follows tells where it is from.
    """
    first, *rest = (part for part in PurePosixPath(row.file_name).parts if part != "..")
    parts = rest if rest and first == row.label else [first, *rest]
    return "__".join(parts).replace("\\", "_")


def _shortened(stem: str, room: int) -> str:
    """Shorten ``stem`` to ``room`` bytes; if it is cut, it ends in a digest of the whole."""
    data = stem.encode()
    if len(data) <= room:
        return stem
    digest = blake2b(data, digest_size=8).hexdigest()
    return f"{data[: room - len(digest) - 1].decode(errors='ignore')}-{digest}"
