"""Groups say what each image belongs to, such as its patient, by a table of somebody's.

Imports neither numpy nor torch.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from rebalance.data.folder import ENDINGS
from rebalance.errors import DataError
from rebalance.tables import FILE, GROUP, as_parts, cleaned, nearest, read_table, tell
from rebalance.tables.paths import Match, Parts
from rebalance.tables.searching import find_files

log = logging.getLogger("rebalance")

# Where a table has several columns of file names, these go first.
FILES = replace(FILE, names=(("file_name",), ("path",), *FILE.names), option=None)


def read_groups(path: Path | str, column: str | None = None) -> dict[str, str]:
    """Read the group of each file from a table with a column of file names and one of groups.

    The file's column is ``file_name``, or where there is none ``path`` or another usual name; the
    group's is ``column``, or else ``group``, ``source_image`` or a name like ``patient_id``. Other
    columns are left alone, and so is which sign is between cells. File names are as the table has
    them: see ``groups_of``. Spaces around groups do not count.

    Raises DataError for a file that is no such table, and for a file name that is listed with two
    groups, naming the line.
    """
    path = Path(path)
    wanted = (FILES, replace(GROUP, given=column))
    table = read_table(path, wanted, ENDINGS, missing="no list of groups")
    meant, notes = cleaned(table.column("group"), "groups")
    tell(path, (*table.notes, *notes))
    groups: dict[str, str] = {}
    for line, name, group in zip(
        table.lines, table.column("path"), table.column("group"), strict=True
    ):
        if not name.strip() or not meant[group]:
            columns = " and ".join(table.header[table.places[key]] for key in ("path", "group"))
            raise DataError(f"{str(path)!r}, line {line.number}: {columns} must not be empty")
        if groups.setdefault(name, meant[group]) != meant[group]:
            raise DataError(
                f"{str(path)!r}, line {line.number}: {name!r} is of {meant[group]!r}, and was of "
                f"{groups[name]!r}"
            )
    return groups


def groups_of(paths: Sequence[str], groups: Mapping[str, str]) -> list[str]:
    """Look up the group of each of ``paths``, under the names that a table has.

    Where these are not the paths themselves, they are read by the one way that finds every image,
    which the log tells. Raises DataError where two ways find different groups, and names the first
    image that has none.
    """
    if all(path in groups for path in paths):
        return [groups[path] for path in paths]
    names = list(groups)
    found = find_files(paths, names, ENDINGS)
    if not found[0].complete:
        raise DataError(_missing(paths, names, found[0]))
    owners = [_owners(each, names, groups) for each in found]
    for one, other in pairwise(owners):
        _refuse_two(paths, one, other)
    way, first = found[0].way, names[found[0].places[0] or 0]
    _refuse_equal(names, groups, tidied=way.tidied)
    log.info(
        "images are found in the list of groups %s: %r is %r there",
        way.in_words(names, of_files=True),
        paths[0],
        first,
    )
    return owners[0]


def _missing(paths: Sequence[str], names: Sequence[str], found: Match) -> str:
    """Say which image has no group, and what in the list is nearest to it."""
    missing = [number for number, place in enumerate(found.places) if place is None]
    path, hint = paths[missing[0]], ""
    if missing[0] in found.several:
        one, other = (names[place] for place in found.several[missing[0]])
        hint = f", which may be {one!r} or {other!r} in the list"
    elif names:
        hint = f"; the nearest in the list is {nearest(path, names)!r}"
    return (
        f"every image needs a group, but {len(missing)} of {len(paths)} have none; the first is "
        f"{path!r}{hint}: list it, relative to the folder of images"
    )


def _refuse_equal(names: Sequence[str], groups: Mapping[str, str], *, tidied: bool) -> None:
    """Raise DataError where two names, read so, are one with two groups."""
    seen: dict[Parts, str] = {}
    for name in names:
        before = seen.setdefault(as_parts(name, tidied=tidied), name)
        if groups[before] != groups[name]:
            raise DataError(
                f"the list of groups has {before!r} as of {groups[before]!r} and {name!r}, which "
                f"is the same file, as of {groups[name]!r}: correct it"
            )


def _owners(found: Match, names: Sequence[str], groups: Mapping[str, str]) -> list[str]:
    return [groups[names[place]] for place in found.places if place is not None]


def _refuse_two(paths: Sequence[str], one: Sequence[str], other: Sequence[str]) -> None:
    for path, first, second in zip(paths, one, other, strict=True):
        if first != second:
            raise DataError(
                f"{path!r} may be of the group {first!r} or {second!r}, by how the paths of the "
                "list are read: list the images by their paths, relative to the folder of images"
            )
