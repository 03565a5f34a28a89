"""Writing a manifest: all of its files or none, and none over another unasked."""

import csv
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from rebalance.atomic import replacing
from rebalance.errors import OutputError
from rebalance.manifest.rows import (
    COLUMNS,
    DROPPED_COLUMNS,
    MAP_COLUMNS,
    OPTIONAL_COLUMNS,
    TABLES,
    Manifest,
    Row,
    companions,
    table_digest,
)
from rebalance.records import ManifestRecord


def check_output(path: Path | str, *, overwrite: bool) -> Path:
    """``path`` as a place a manifest can be written to; called before anything expensive.

    Raises OutputError if its name does not end in .csv, its folder does not exist, or any of the
    four files exists and ``overwrite`` is false.
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise OutputError(f"a manifest is a .csv file; got {str(path)!r}: name it like M.csv")
    check_writable(*companions(path), overwrite=overwrite)
    return path


def check_writable(*paths: Path, overwrite: bool) -> None:
    """Raise OutputError unless every path can be (over)written."""
    for path in paths:
        if not path.parent.is_dir():
            raise OutputError(f"no folder {str(path.parent)!r} to write {path.name} to: make it")
        if not os.access(path.parent, os.W_OK):
            raise OutputError(
                f"no permission to write to {str(path.parent)!r}: choose another place"
            )
        if path.is_dir():
            raise OutputError(f"{str(path)!r} is a folder; a file was needed: choose another name")
        if path.exists() and not overwrite:
            raise OutputError(
                f"{str(path)!r} exists: choose another name, or replace it with --overwrite"
            )


def _text(value: Any) -> str:
    # repr gives the shortest digits that read back as the same float.
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


class _UnixLines:
    """Takes rows that end in CR LF and writes them ending in LF.

    csv puts a carriage return in quotes only where it is part of the line end it was given.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> int:
        return self._file.write(row.removesuffix("\r\n") + "\n")


def _columns(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return those that every manifest has, and of the others those with something in them."""
    there = {name for row in rows for name in OPTIONAL_COLUMNS if getattr(row, name)}
    return (*COLUMNS, *(name for name in OPTIONAL_COLUMNS if name in there))


def _write_csv(path: Path, columns: Sequence[str], records: Iterable[Any]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(_UnixLines(file), lineterminator="\r\n")
        writer.writerow(columns)
        for record in records:
            writer.writerow([_text(getattr(record, column)) for column in columns])


def to_json(record: Any) -> str:
    """One JSON document; equal records give equal text."""
    return json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def write_manifest(path: Path | str, manifest: Manifest, *, overwrite: bool = False) -> None:
    """Write ``M.csv``, ``M.dropped.csv``, ``M.json`` and, where there are places, ``M.map.csv``.

    All or none; a map that is replaced by nothing goes. The record on disk also has the digests of
    the tables, by which a reader knows that the files are of one writing. Raises OutputError as
    ``check_output``.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rebalance import Manifest, Row, write_manifest
    >>> manifest = Manifest(Path("photos"), ("cat", "dog"), (Row("cat/1.jpg", "cat"),))
    >>> with TemporaryDirectory() as folder:
    ...     write_manifest(Path(folder) / "M.csv", manifest)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['M.csv', 'M.dropped.csv', 'M.json']
    """
    rows_path, *targets, map_path = companions(check_output(path, overwrite=overwrite))
    gone = [] if manifest.places else [map_path]
    if manifest.places:
        targets.append(map_path)
    unit = replacing(
        *reversed(targets), rows_path, exclusive=not overwrite, unit=rows_path, without=gone
    )
    # The CSV is moved last: where it exists, its companions do.
    with unit as (*places, record, dropped, rows):
        if places:
            _write_csv(places[0], MAP_COLUMNS, manifest.places)
        _write_csv(rows, _columns(manifest.rows), manifest.rows)
        _write_csv(dropped, DROPPED_COLUMNS, manifest.dropped)
        tables = dict(zip(TABLES, (rows, dropped, *places), strict=False))
        digests = {name: table_digest(table.read_bytes()) for name, table in tables.items()}
        story: ManifestRecord = {**manifest.record, "digests": digests}
        # A file name that is not UTF-8 becomes the escape that JSON has for lone surrogates.
        record.write_bytes(to_json(story).encode("utf-8", "backslashreplace"))
