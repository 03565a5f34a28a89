"""A dialect says how a table's text is divided into lines and cells.

Imports the standard library and ``reading`` of this package, and nothing else.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from rebalance.reading import parse_json

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
SAMPLE = 200  # lines by which one way to divide a table is told from another
STATED = re.compile(r"\ufeff?\"?sep=([^\w\r\n\"'])\"?\r?\n", re.IGNORECASE)  # as Excel states it


class Line(NamedTuple):
    """The cells of a line, and the number of the line of the file that it ends in."""

    number: int
    cells: list[str]


class Dialect(NamedTuple):
    """The sign between cells, the one around them, and whether spaces may be before the latter."""

    delimiter: str
    quote: str = '"'
    spaced: bool = False


def divided(text: str, dialect: Dialect) -> Iterator[Line]:
    """Yield the lines that hold anything. Raises csv.Error where the quotes do not fit."""
    return divided_lines(io.StringIO(text, newline=""), dialect)


def divided_lines(lines: Iterable[str], dialect: Dialect) -> Iterator[Line]:
    """Yield the lines that hold anything, as ``divided`` does, of a text that is read meanwhile."""
    if dialect.delimiter == " ":
        lines = (re.sub(r"^ +| +(?=\r?\n?$)", "", line) for line in lines)
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        skipinitialspace=dialect.spaced or dialect.delimiter == " ",
        strict=True,
    )
    for cells in reader:
        if any(cells):
            yield Line(reader.line_num, cells)


def sample(text: str, dialect: Dialect) -> list[list[str]]:
    """Return the cells of the first lines; none where they cannot be divided so."""
    try:
        return [line.cells for line in islice(divided(text, dialect), SAMPLE)]
    except csv.Error:
        return []


def first_line(text: str, dialect: Dialect) -> list[str]:
    """Return the cells of the first line; none where even that cannot be divided so."""
    try:
        return next((line.cells for line in divided(text, dialect)), [])
    except csv.Error:
        return []


def with_quotes(text: str, delimiter: str) -> Dialect:
    """Find out which quotes are around cells that this sign is between."""
    found = Dialect(delimiter)
    first = sample(text, found)
    if not first:
        spaced = found._replace(spaced=True)
        return spaced if sample(text, spaced) else found
    if any(re.match(' +"', cell) for cells in first for cell in cells):
        return found._replace(spaced=True)
    if all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in first[0]):
        single = found._replace(quote="'")
        return single if sample(text, single) else found
    return found


def is_even(lines: Sequence[Sequence[str]]) -> bool:
    """Tell whether all lines have the same number of cells, at least two."""
    widths = {len(cells) for cells in lines}
    return len(widths) == 1 and widths != {1}


def stated(text: str) -> tuple[str, str | None]:
    """Take off the line by which Excel states the sign between cells; None where there is none."""
    found = STATED.match(text)
    return (text[found.end() :], found[1]) if found else (text, None)


def from_json_lines(text: str) -> list[Line] | None:
    """Read lines of JSON objects as a table whose first line is the header; None for other text.

    Raises ValueError for other JSON.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    header: dict[str, None] = {}
    records: list[tuple[int, dict[str, object]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            if records or _is_json(text):
                raise ValueError("is JSON, but no object in each line: save it as CSV")
            return None
        records.append((number, record))
        header.update(dict.fromkeys(record))
    lines = [Line(1, list(header))]
    return lines + [
        Line(number, [_text(record.get(name)) for name in header]) for number, record in records
    ]


def _is_json(text: str) -> bool:
    """Tell whether a text is JSON, or goes so deep that it is nothing else."""
    try:
        parse_json(text)
    except ValueError as error:
        return "nest" in str(error)
    return True


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def trimmed(lines: Iterable[Line], width: int) -> list[Line]:
    """Take off the empty cells that spreadsheets put after the last column."""
    return [
        Line(line.number, line.cells[:width])
        if len(line.cells) > width and not any(line.cells[width:])
        else line
        for line in lines
    ]
