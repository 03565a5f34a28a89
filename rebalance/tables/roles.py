"""Each column of a table plays a part, told by its name or by what is in it.

Imports the standard library and our errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rebalance.errors import meant, some
from rebalance.tables.columns import OTHER_NAMES, Column, plain
from rebalance.tables.notes import Note


@dataclass
class Roles:
    """Roles say where the columns that were looked for are.

    header: whether the first line names the columns. complete: whether all were found. plain:
    whether all were found by their names.
    """

    header: bool
    places: dict[str, int]
    complete: bool
    plain: bool = True
    notes: list[Note] = field(default_factory=list)


def find_roles(
    lines: Sequence[Sequence[str]], columns: Sequence[Column], endings: Sequence[str]
) -> Roles | None:
    """Find the columns in the first lines of a table; None where there are no lines."""
    if not lines:
        return None
    first, rest = lines[0], lines[1:]
    found = {column.key: column.places(first) for column in columns}
    if not any(found.values()) or _is_data(first, found, columns, endings):
        bare = _without_header(lines, columns, endings)
        if bare is not None:
            return bare
    if any(len(places) > 1 for places in found.values()):
        return Roles(True, {}, False)
    roles = Roles(True, {key: places[0] for key, places in found.items() if places}, False)
    _add_path(roles, first, rest, columns, endings)
    _add_other(roles, first, columns)
    roles.complete = len(roles.places) == len(columns)
    return roles


def unclear(header: Sequence[str], columns: Sequence[Column]) -> str:
    """Say which column is missing, or may be one of several."""
    for column in columns:
        found = column.places(header)
        if len(found) != 1:
            break
    names = ", ".join(repr(header[place]) for place in found) or "none"
    wanted = f"named {column.given!r}" if column.given is not None else f"with {column.what}"
    among = some(header, NAMED_AT_MOST) or "no"
    known = column.names[0][0] if column.names else ""
    hint = "" if column.given is None or found else meant(column.given, header)
    remedy = f"name it with {column.option}" if column.option else f"call it {known}"
    return f"needs one column {wanted}; found {names} among {among} columns: {remedy}{hint}"


NAMED_AT_MOST = 20  # columns that an error names before it counts the rest


def _names_image(cell: str, endings: Sequence[str]) -> bool:
    return cell.strip().lower().endswith(tuple(endings))


def _image_places(lines: Sequence[Sequence[str]], endings: Sequence[str]) -> list[int]:
    """Return the positions of the columns all of whose cells name images."""
    width = min(map(len, lines), default=0)
    return [
        place
        for place in range(width)
        if all(_names_image(cells[place], endings) for cells in lines)
    ]


def _is_data(
    first: Sequence[str],
    found: dict[str, list[int]],
    columns: Sequence[Column],
    endings: Sequence[str],
) -> bool:
    """Tell whether the first line names an image where it is not taken for a column's name."""
    told = {place for column in columns if column.given for place in found[column.key]}
    return not told and any(_names_image(cell, endings) for cell in first)


def _without_header(
    lines: Sequence[Sequence[str]], columns: Sequence[Column], endings: Sequence[str]
) -> Roles | None:
    """Find the columns of a table that does not name them; None unless it is clear."""
    if all(column.key != "path" for column in columns):
        return None
    width = len(lines[0])
    numbers = [str(place + 1) for place in range(width)]
    given = {column.key: numbers.index(column.given) for column in columns
             if column.given in numbers}  # fmt: skip
    if any(column.given is not None and column.key not in given for column in columns):
        return None
    roles = Roles(False, given, False, plain=False)
    if "path" not in given:
        images = _image_places(lines, endings)
        if len(images) != 1:
            return None
        roles.places["path"] = images[0]
    left = [place for place in range(width) if place not in roles.places.values()]
    open_ = [column for column in columns if column.key not in roles.places]
    if len(left) == len(open_) == 1:
        roles.places[open_[0].key] = left[0]
    roles.complete = len(roles.places) == len(columns)
    if not roles.complete:
        return None
    said = ", ".join(
        f"{column.what} in column {roles.places[column.key] + 1}" for column in columns
    )
    roles.notes.append(Note(f"no line names the columns; taken are {said}"))
    return roles


def _add_path(
    roles: Roles,
    header: Sequence[str],
    lines: Sequence[Sequence[str]],
    columns: Sequence[Column],
    endings: Sequence[str],
) -> None:
    """Take the one column in which every cell names an image, where none has a usual name."""
    wanted = next((column for column in columns if column.key == "path"), None)
    if wanted is None or "path" in roles.places or wanted.given is not None or not lines:
        return
    images = [place for place in _image_places(lines, endings) if place < len(header)]
    if len(images) == 1:
        roles.places["path"] = images[0]
        roles.plain = False
        roles.notes.append(
            Note(f"column {header[images[0]]!r} is taken for {wanted.what}, since it names images")
        )


def _add_other(roles: Roles, header: Sequence[str], columns: Sequence[Column]) -> None:
    """Take the only column that is left over, where one is still looked for."""
    named = [place for place, name in enumerate(header) if _may_be_meant(name)]
    left = [place for place in named if place not in roles.places.values()]
    open_ = [column for column in columns if column.key not in roles.places]
    if (
        len(left) == len(open_) == 1
        and roles.places
        and open_[0].given is None
        and open_[0].by_rest
    ):
        roles.places[open_[0].key] = left[0]
        roles.plain = False
        roles.notes.append(
            Note(f"column {header[left[0]]!r} is taken for {open_[0].what}: there is no other")
        )


def _may_be_meant(name: str) -> bool:
    """Tell whether a column may be meant by its name alone; pandas calls those so that had none."""
    return (
        bool(name.strip()) and not name.startswith("Unnamed: ") and plain(name) not in OTHER_NAMES
    )
