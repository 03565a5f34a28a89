"""The tables of a manifest taken apart: lines to rows, and what is wrong with a line."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from rebalance.errors import DataError, ManifestError
from rebalance.manifest.rows import (
    COLUMNS,
    DROPPED_COLUMNS,
    KINDS,
    MAP_COLUMNS,
    OPTIONAL_COLUMNS,
    Dropped,
    Place,
    Row,
)
from rebalance.tables import Column, is_missing, number, parse_table, tell, whole
from rebalance.tables.columns import plain
from rebalance.tables.dialects import Line

Kind = TypeVar("Kind")
Cell = TypeVar("Cell")

VERBATIM = ("file_name", "label", "partner", "made_as", "reason")  # whose spaces may be meant


@dataclass(frozen=True)
class Form(Generic[Kind]):
    """A table of a manifest: its columns, those it cannot do without, and what a line becomes."""

    columns: tuple[str, ...]
    needed: tuple[str, ...]
    make: Callable[..., Kind]


def parse(path: Path, content: bytes, form: Form[Kind]) -> list[Kind]:
    """Make a row of every line. Columns may be in any order, and further ones are left alone.

    Raises ManifestError, naming the line and the column.
    """
    header, lines = _as_we_write(path, content, form) or _as_others_write(path, content, form)
    for name in form.columns:
        if header.count(name) > 1:
            raise ManifestError(f"{str(path)!r}, line 1: has a column twice: {name!r}")
    width = len(header)
    places = [header.index(name) if name in header else width for name in form.columns]
    found = []
    number = 1
    try:
        for line in lines:
            number, cells = line
            if len(cells) != width and (len(cells) < width or any(cells[width:])):
                raise ValueError("has more or fewer cells than the header")
            cells[width:] = [""]  # what columns hold that are not there
            found.append(form.make(*[cells[place] for place in places]))
    except ValueError as error:
        raise ManifestError(f"{str(path)!r}, line {number}: {error}") from None
    return found


Divided = tuple[Sequence[str], Iterator[Line]]


def _as_we_write(path: Path, content: bytes, form: Form[Any]) -> Divided | None:
    """Divide a table in UTF-8 by commas; None where the columns are not found so."""
    try:
        # Spreadsheets put a byte order mark in front: utf-8-sig takes it off.
        text = content.decode("utf-8-sig")
        if "\0" in text:
            return None
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
    except (ValueError, csv.Error):
        return None
    return (header, _lines(path, reader)) if set(form.needed) <= set(header) else None


def _lines(path: Path, reader: Any) -> Iterator[Line]:
    try:
        for cells in reader:
            if any(cells):
                yield Line(reader.line_num, cells)
    except csv.Error as error:
        raise ManifestError(f"{str(path)!r}, line {reader.line_num}: {error}") from None


def _as_others_write(path: Path, content: bytes, form: Form[Any]) -> Divided:
    """Divide a table of another program, and say how."""
    columns = [Column(name, name, ((name,),), by_rest=False) for name in form.needed]
    try:
        table = parse_table(path, content, columns, ())
    except DataError as error:
        raise ManifestError(
            f"{error}; or make a manifest of another table with rebalance import"
        ) from None
    tell(path, table.notes)
    header = [plain(name) if plain(name) in form.columns else name for name in table.header]
    for place, name in enumerate(header):
        if name not in VERBATIM:
            for line in table.lines:
                line.cells[place] = line.cells[place].strip()
    return header, iter(table.lines)


def _value(column: str, text: str, convert: Callable[[str], Cell]) -> Cell:
    try:
        return convert(text)
    except ValueError as error:
        raise ValueError(f"{column} is {error}") from None


def _row(
    file_name: str,
    label: str,
    kind: str,
    partner: str,
    weight: str,
    cluster: str,
    distance: str,
    share: str,
    made_as: str,
    operation: str,
) -> Row:
    if not file_name or not label:
        empty = "file_name" if not file_name else "label"
        missing = "; pandas writes a class that is called NA or None so" if not label else ""
        raise ValueError(f"file_name and label must not be empty, but {empty} is{missing}")
    kind = "original" if is_missing(kind) else kind
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(KINDS)}")
    blend = kind == "synthetic"
    row = Row(
        file_name,
        label,
        kind,
        None if not partner or (not blend and is_missing(partner)) else partner,
        _value("weight", weight, number),
        _value("cluster", cluster, whole),
        _value("distance", distance, number),
        _value("share", share, number) or None,
        None if not made_as or (not blend and is_missing(made_as)) else made_as,
        None if is_missing(operation) else operation,
    )
    _check_recipe(row)
    return row


def _check_recipe(row: Row) -> None:
    """Raise ValueError unless a row has what those of its kind have, and nothing else."""
    blend, varied = row.kind == "synthetic", row.kind == "augmented"
    if blend != (row.partner is not None and row.weight is not None):
        raise ValueError("a synthetic row, and no other, needs a partner and a weight")
    if varied != (row.operation is not None):
        raise ValueError("an augmented row, and no other, needs an operation")
    if varied and row.weight is not None:
        raise ValueError(f"weight is {row.weight:g}; an augmented row has none")
    if row.made_as is not None and not blend:
        raise ValueError(f"made_as is {row.made_as!r}; only a synthetic row has one")
    if row.weight is not None and not 0 <= row.weight <= 1:
        raise ValueError(f"weight is {row.weight:g}; it must lie between 0 and 1")
    if row.share is not None and not (row.is_made and row.partner and 0 <= row.share <= 1):
        raise ValueError(
            f"share is {row.share:g}; it must lie between 0 and 1, and only a synthetic row has "
            "one, or an augmented one with a partner"
        )


def _dropped(file_name: str, label: str, cluster: str, distance: str, reason: str) -> Dropped:
    return Dropped(
        file_name,
        label,
        _value("cluster", cluster, whole),
        _value("distance", distance, number),
        reason,
    )


def _place(file_name: str, label: str, x: str, y: str) -> Place:
    across, up = _value("x", x, number), _value("y", y, number)
    if across is None or up is None:
        raise ValueError(f"{'x' if across is None else 'y'} is missing, and a number was needed")
    return Place(file_name, label, across, up)


ROWS = Form((*COLUMNS, *OPTIONAL_COLUMNS), ("file_name", "label"), _row)
DROPPED = Form(DROPPED_COLUMNS, DROPPED_COLUMNS, _dropped)
PLACES = Form(MAP_COLUMNS, MAP_COLUMNS, _place)
