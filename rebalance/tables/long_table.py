"""A table too long to be in memory at once: its columns are found in its beginning, then its lines
are read one by one.

Imports the standard library, the errors and ``reading`` of this package, and nothing else.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rebalance.errors import DataError
from rebalance.tables.columns import Column
from rebalance.tables.decoding import find_encoding
from rebalance.tables.dialects import DELIMITERS, Dialect, Line, divided_lines, stated
from rebalance.tables.notes import Note
from rebalance.tables.table import choose_dialect

BEGINNING = 2**22  # bytes; of what is no longer, every encoding can be read


@dataclass
class LongTable:
    """A table whose lines below the header are read when they are asked for.

    header, places, notes: as those of a ``ForeignTable``. before: lines of the file above the first
    that holds data.
    """

    path: Path
    header: tuple[str, ...]
    places: dict[str, int]
    notes: list[Note]
    dialect: Dialect
    encoding: str
    before: int

    def lines(self) -> Iterator[Line]:
        """Yield the lines; DataError names the first with more or fewer cells than the header."""
        width = len(self.header)
        number = 0
        with self.path.open(encoding=self.encoding, newline="") as text:
            try:
                for line in divided_lines(text, self.dialect):
                    number = line.number
                    if number <= self.before:
                        continue
                    cells = line.cells
                    if len(cells) > width and not any(cells[width:]):
                        cells = cells[:width]
                    if len(cells) != width:
                        raise DataError(
                            f"{str(self.path)!r}, line {number}: has {len(cells)} cells, and the "
                            f"first line {width}: give each line as many"
                        )
                    yield Line(number, cells)
            except (csv.Error, UnicodeError) as error:
                raise DataError(
                    f"{str(self.path)!r}, line {number + 1}: {error}: save it as CSV in UTF-8"
                ) from None


def open_table(path: Path, columns: Sequence[Column], endings: Sequence[str]) -> LongTable:
    """Find the columns of a table in its beginning, as ``parse_table`` does in all of it.

    Raises DataError for what is no such table or can be read in two ways, OSError where it cannot
    be read.
    """
    with path.open("rb") as file:
        content = file.read(BEGINNING + 1)
    if len(content) > BEGINNING:
        content = content[: content.rfind(b"\n") + 1]
    try:
        if not content:
            raise ValueError(f"holds more than {BEGINNING} bytes: save it as CSV")
        text, encoding, notes = find_encoding(content)
        text, sign = stated(text)
        signs = [sign] if sign else list(DELIMITERS)
        dialect, roles = choose_dialect(path, text, signs, columns, endings)
    except ValueError as error:
        raise DataError(f"{str(path)!r}, line 1: {error}") from None
    first = next(divided_lines(io.StringIO(text, newline=""), dialect))
    before = (first.number if roles.header else 0) + (sign is not None)
    names = first.cells if roles.header else [str(n + 1) for n in range(len(first.cells))]
    return LongTable(
        path, tuple(names), roles.places, notes + roles.notes, dialect, encoding, before
    )
