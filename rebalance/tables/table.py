"""A table of another program, read: its encoding, the sign between cells, its columns and lines.

Imports the standard library, the errors and ``reading`` of this package, and nothing else.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rebalance.errors import DataError
from rebalance.reading import is_regular_file, read_whole
from rebalance.tables.columns import Column
from rebalance.tables.decoding import decode
from rebalance.tables.dialects import (
    DELIMITERS,
    SAMPLE,
    Dialect,
    Line,
    divided,
    first_line,
    from_json_lines,
    is_even,
    sample,
    stated,
    trimmed,
    with_quotes,
)
from rebalance.tables.notes import Note
from rebalance.tables.roles import Roles, find_roles, unclear


@dataclass
class ForeignTable:
    """The lines of a table below its header, as they are written.

    header: the names of the columns; numbers from 1 where the table has none. places: the position
    of each column that was looked for, by its key. notes: what of it was not plain.
    """

    path: Path
    header: tuple[str, ...]
    lines: list[Line]
    places: dict[str, int]
    notes: list[Note] = field(default_factory=list)

    def column(self, key: str) -> list[str]:
        """Return the cells of a column that was looked for."""
        place = self.places[key]
        return [line.cells[place] for line in self.lines]


def read_table(
    path: Path, columns: Sequence[Column], endings: Sequence[str], missing: str = "no table"
) -> ForeignTable:
    """Read a table that has these columns, as ``parse_table`` does.

    missing: what is said to be missing where there is no such file, which is a DataError.
    """
    return parse_table(path, _content(path, missing), columns, endings)


def parse_table(
    path: Path, content: bytes, columns: Sequence[Column], endings: Sequence[str]
) -> ForeignTable:
    """Take a table apart that has these columns, whichever program wrote it to ``path``.

    Of the signs that may stand between cells it is the one by which the columns are found. The
    first line is no header where it names an image as the others do. endings: of image files.

    Raises DataError, naming the line, for what is no such table or can be read in two ways.
    """
    with _blamed(path):
        text, notes = decode(content)
        lines = from_json_lines(text)
        if lines is not None:
            roles = find_roles([line.cells for line in lines[:SAMPLE]], columns, endings)
            if roles is None or not roles.complete:
                raise ValueError(unclear(lines[0].cells, columns))
        else:
            text, sign = stated(text)
            signs = [sign] if sign else list(DELIMITERS)
            dialect, roles = choose_dialect(path, text, signs, columns, endings)
            lines = _lines(path, text, dialect)
            notes += _told(dialect)
    notes += roles.notes
    header = lines[0].cells
    if not roles.header:
        header = [str(place + 1) for place in range(len(header))]
    body = _fitted(path, lines[1:] if roles.header else lines, header)
    return ForeignTable(path, tuple(header), body, roles.places, notes)


@dataclass(frozen=True)
class Grid:
    """Cells without a header, as one sign between them divides a text; error: why it cannot."""

    sign: str
    rows: list[list[str]]
    error: str = ""

    @property
    def notes(self) -> list[Note]:
        """Return what is not plain about the sign."""
        return (
            [] if self.sign == DELIMITERS[","] else [Note(f"its cells are divided by {self.sign}")]
        )


def read_grids(path: Path, missing: str) -> tuple[list[Grid], list[Note]]:
    """Read the cells of a table without a header, by each sign that may be between them.

    Spaces around cells, and empty cells after the last, are left out. Raises DataError for a file
    that is no text.
    """
    with _blamed(path):
        text, notes = decode(_content(path, missing))
    text, sign = stated(text)
    return [_grid(text, delimiter) for delimiter in ([sign] if sign else DELIMITERS)], notes


def _grid(text: str, delimiter: str) -> Grid:
    sign = DELIMITERS.get(delimiter, repr(delimiter))
    try:
        lines = list(divided(text, with_quotes(text, delimiter)))
    except csv.Error as error:
        return Grid(sign, [], str(error))
    rows = [[cell.strip() for cell in line.cells] for line in lines]
    rows = [row for row in rows if any(row)]
    while rows and all(len(row) > 1 and not row[-1] for row in rows):
        rows = [row[:-1] for row in rows]
    return Grid(sign, rows)


def _content(path: Path, missing: str) -> bytes:
    if not is_regular_file(path):
        raise DataError(f"{missing} at {str(path)!r}: check the name")
    with _blamed(path):
        return read_whole(path)


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """Let what is wrong with a file as a whole be an error that names it."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DataError(f"{str(path)!r}, line 1: {error}") from None


def choose_dialect(
    path: Path,
    text: str,
    delimiters: Sequence[str],
    columns: Sequence[Column],
    endings: Sequence[str],
) -> tuple[Dialect, Roles]:
    """Find the sign between the cells of a text by which the columns are found.

    Raises ValueError where they are found by two, DataError where by none.
    """
    found: list[tuple[Dialect, Roles, bool]] = []
    for delimiter in delimiters:
        dialect = with_quotes(text, delimiter)
        lines = sample(text, dialect)
        roles = find_roles(lines, columns, endings)
        if roles is not None and roles.complete:
            if delimiter == "," and roles.plain and is_even(lines):
                return dialect, roles
            found.append((dialect, roles, is_even(lines)))
    found = [each for each in found if each[2]] or found
    found = [each for each in found if each[1].header] or found
    if not found:
        raise ValueError(_complaint(path, text, delimiters, columns))
    if len(found) > 1:
        ways = " or ".join(DELIMITERS[each[0].delimiter] for each in found)
        raise ValueError(f"may be divided by {ways}, for its columns are found by either: keep one")
    return found[0][:2]


def _complaint(path: Path, text: str, delimiters: Sequence[str], columns: Sequence[Column]) -> str:
    """Say what is wrong with a table whose columns are not found, divided as it most likely is.

    Raises DataError where not even its cells can be told.
    """
    tried: dict[Dialect, tuple[int, bool]] = {}
    for delimiter in delimiters:
        dialect = with_quotes(text, delimiter)
        header = first_line(text, dialect)
        known = sum(len(column.places(header)) > 0 for column in columns)
        tried[dialect] = known, is_even(sample(text, dialect))
    best = max(tried, key=lambda each: tried[each])  # the first of equals
    return unclear(next((line.cells for line in _lines(path, text, best)), []), columns)


def _lines(path: Path, text: str, dialect: Dialect) -> list[Line]:
    lines: list[Line] = []
    try:
        lines.extend(divided(text, dialect))
    except csv.Error as error:
        number = lines[-1].number + 1 if lines else 1
        raise DataError(f"{str(path)!r}, line {number}: {error}") from None
    return lines


def _fitted(path: Path, lines: list[Line], header: Sequence[str]) -> list[Line]:
    """Return the lines with a cell for each column; DataError names the first that has not."""
    width = len(header)
    lines = trimmed(lines, width)
    # R names its rows in front, and leaves their name out of the header.
    if lines and all(len(each.cells) == width + 1 and each.cells[0].isdigit() for each in lines):
        lines = [Line(number, cells[1:]) for number, cells in lines]
    for number, cells in lines:
        if len(cells) != width:
            raise DataError(
                f"{str(path)!r}, line {number}: has more or fewer cells than the header"
            )
    return lines


def _told(dialect: Dialect) -> list[Note]:
    if dialect.delimiter == "," and dialect.quote == '"':
        return []
    sign = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
    quotes = ", in single quotes" if dialect.quote == "'" else ""
    return [Note(f"its cells are divided by {sign}{quotes}")]
