"""Which row of a table of features is of which image, by the names that the table has for its rows.

A name may be the path of an image below the root, or below a folder above it, or be absolute. Where
no name is any of these, one that ends in the path of an image is of it, and then one that is the
end of the path of one image and of no other. Letters count as they are written, in whichever
Unicode form; spaces around a name do not, and a backslash divides folders.

Each name is looked up in a dictionary, so that a million of them take seconds. Imports numpy and
nothing heavier.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from rebalance.data.folder import ImageFolder
from rebalance.errors import DataError, shown
from rebalance.tables import as_parts

Positions = NDArray[np.intp]
Find = Callable[[str], int | None]

TENTH = 10  # where less of the images and less of the rows meet, the table is of another folder
PLACES = 20  # beginnings of names that are looked for on the disk
NOWHERE, SEVERAL = -1, -2  # in place of the position of an image


@dataclass(frozen=True, eq=False)
class Matched:
    """The rows that images have, and what is left over on either side.

    images: the rising positions [M] of images that have a row. rows: the row [M] of each; the first
    where it has several. repeats: the others of an image that has several [R], and ``repeated``,
    the first of each. missing: the positions of images without a row. unused: rows without an
    image.
    """

    images: Positions
    rows: Positions
    repeats: Positions
    repeated: Positions
    missing: Positions
    unused: Positions


def match(folder: ImageFolder, names: Sequence[str], table: Path) -> Matched:
    """Find the row of each image of ``folder`` among the rows of ``table``, which have these names.

    Raises DataError where no name is of an image, or only a few are and only a few images have one;
    where a name may be of several images; and where names lead to other files than the images.
    """
    found = _search(folder, names, table)
    (rows,) = np.nonzero(found >= 0)
    images, first, of = np.unique(found[rows], return_index=True, return_inverse=True)
    if len(images) * TENTH < min(len(folder.paths), len(names)) or not len(images):
        raise DataError(_strange(folder, names, table, len(images)))
    others = np.ones(len(rows), bool)
    others[first] = False
    return Matched(
        images,
        rows[first],
        rows[others],
        rows[first[of[others]]],
        np.setdiff1d(np.arange(len(folder.paths)), images, assume_unique=True),
        np.flatnonzero(found < 0),
    )


def _search(folder: ImageFolder, names: Sequence[str], table: Path) -> Positions:
    """Find the image of each name, or ``NOWHERE``, by the plainest way in which there is any."""
    images = _by_path(folder.paths)
    below = _below(folder.root, images)
    found = _each(names, below)
    if (found >= 0).any():
        return _certain(found, folder, names, table)
    found = _each(names, lambda name: _ending(name, images))
    if (found >= 0).any():
        _refuse_others(folder, names, found, table)
        return _certain(found, folder, names, table)
    return _certain(_each(names, _by_end(folder.paths)), folder, names, table)


def _each(names: Sequence[str], find: Find) -> Positions:
    places = (NOWHERE if (place := find(name)) is None else place for name in names)
    return np.fromiter(places, np.intp, len(names))


def _certain(found: Positions, folder: ImageFolder, names: Sequence[str], table: Path) -> Positions:
    """Return what was found. Raises DataError where a name may be of several images."""
    unclear = np.flatnonzero(found == SEVERAL)
    if len(unclear):
        name = names[int(unclear[0])]
        end = tidied(name)
        alike = (path for path in folder.paths if f"/{_composed(path)}".endswith(f"/{end}"))
        one, other = next(alike), next(alike)
        raise DataError(
            f"{str(table)!r} has features of {shown(name)}, which may be {shown(one)} or "
            f"{shown(other)} in {str(folder.root)!r}: name the images by their paths from there on"
        )
    return found


def tidied(name: str) -> str:
    """Write a name as the path that it means: forward slashes, no dots, composed letters.

    >>> from rebalance.features.matching import tidied
    >>> tidied(".\\\\cat\\\\1.png"), tidied("/data//train/../cat/1.png")
    ('cat/1.png', '/data/cat/1.png')
    """
    plain = name.isascii() and not ("\\" in name or "//" in name or "./" in name)
    if plain and name == name.strip():
        return name
    first, *parts = as_parts(name, tidied=True) or ("",)
    if first.lower() in ("/", "file://", "file://localhost"):
        first = ""
    return _composed("/".join((first, *parts)))


def _composed(path: str) -> str:
    return path if path.isascii() else normalize("NFC", path)


def _by_path(paths: Sequence[str]) -> dict[str, int]:
    """Number the paths as they are and in composed letters; ``SEVERAL`` where those are of two."""
    found = {path: place for place, path in enumerate(paths)}
    composed: dict[str, int] = {}
    for place, path in enumerate(paths):
        if not path.isascii():
            key = _composed(path)
            composed[key] = SEVERAL if key in composed else place
    return {**composed, **found}


def _below(root: Path, images: Mapping[str, int]) -> Find:
    """Return a search by the path below the root, below a folder above it, or of all folders."""
    starts = [f"{_composed(each.as_posix()).rstrip('/')}/" for each in (root, root.resolve())]
    parts = _composed(root.as_posix()).strip("/").split("/")
    starts += ["/".join(parts[depth:]) + "/" for depth in reversed(range(len(parts)))]

    def find(name: str) -> int | None:
        place = images.get(name)
        if place is not None:
            return place
        path = tidied(name)
        while path.startswith("../"):
            path = path[3:]
        place = images.get(path)
        if place is not None:
            return place
        for start in starts:
            if path.startswith(start) and (place := images.get(path[len(start) :])) is not None:
                return place
        return None

    return find


def _ending(name: str, images: Mapping[str, int]) -> int | None:
    """Return the image whose path, the longest of several, a name ends in."""
    path = tidied(name)
    cut = path.find("/")
    while cut >= 0:
        place = images.get(path[cut + 1 :])
        if place is not None:
            return place
        cut = path.find("/", cut + 1)
    return None


def _by_end(paths: Sequence[str]) -> Find:
    """Return a search by the end of a path, of as many folders as a name has."""
    known: dict[int, dict[str, int]] = {}

    def find(name: str) -> int | None:
        path = tidied(name)
        depth = path.count("/")
        if depth not in known:
            known[depth] = _ends(paths, depth)
        return known[depth].get(path)

    return find


def _ends(paths: Sequence[str], depth: int) -> dict[str, int]:
    """Number the paths by their last ``depth`` folders and name; ``SEVERAL`` where it is of two."""
    found: dict[str, int] = {}
    for place, path in enumerate(paths):
        parts = _composed(path).rsplit("/", depth + 1)
        if len(parts) == depth + 2:
            end = "/".join(parts[1:])
            found[end] = SEVERAL if end in found else place
    return found


def _refuse_others(
    folder: ImageFolder, names: Sequence[str], found: Positions, table: Path
) -> None:
    """Raise DataError where names that only end in paths of images lead to other files."""
    for name, path in _by_beginning(folder, names, found):
        own = folder.root / path
        there = [place for place in _places(name, folder.root, table) if place.is_file()]
        if there and own.exists() and not any(place.samefile(own) for place in there):
            raise DataError(
                f"{str(table)!r} has features of {str(there[0])!r}, which is another file than "
                f"{str(own)!r}: give the features of the images in {str(folder.root)!r}"
            )


def _by_beginning(
    folder: ImageFolder, names: Sequence[str], found: Positions
) -> Iterator[tuple[str, str]]:
    """Yield a name and the path of its image for each of the first beginnings that names have."""
    seen: set[str] = set()
    for row in np.flatnonzero(found >= 0).tolist():
        name, path = tidied(names[row]), folder.paths[found[row]]
        start = name[: -len(_composed(path))]
        if start not in seen:
            seen.add(start)
            yield name, path
        if len(seen) == PLACES:
            return


def _places(name: str, root: Path, table: Path) -> Iterator[Path]:
    """Yield where a name may lead to: from here, from the table, and from folders above the root.

    An absolute name leads to one place, from wherever.
    """
    for start in (Path.cwd(), table.absolute().parent, *root.parents):
        yield start / name


def _strange(folder: ImageFolder, names: Sequence[str], table: Path, count: int) -> str:
    """Say that a table is of another folder: ``count`` of its names are of images in this one."""
    where = f"the images in {str(folder.root)!r}"
    if not len(names):
        return f"{str(table)!r} has no rows: give the features of {where}"
    met = (
        f"names {count} of {where}, with {len(names)} rows for {len(folder.paths)} images"
        if count
        else f"names none of {where}"
    )
    return (
        f"{str(table)!r} {met}; its names are like {shown(names[0])}, and paths like "
        f"{shown(folder.paths[0])}: give the features of this folder, or name them by such paths"
    )
