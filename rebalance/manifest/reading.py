"""Reading a manifest, of ours or of somebody else's."""

import csv
import io
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, cast

from rebalance.atomic import settled
from rebalance.errors import ManifestError
from rebalance.manifest.rows import (
    DROPPED_COLUMNS,
    KINDS,
    MAP_COLUMNS,
    TABLES,
    Dropped,
    Manifest,
    Place,
    Row,
    companions,
    table_digest,
)
from rebalance.reading import is_regular_file, read_json
from rebalance.records import ManifestRecord
from rebalance.records.manifest import FORMAT
from rebalance.records.shape import misfit

log = logging.getLogger("rebalance")

Cell = TypeVar("Cell")


def _cell(line: dict[str, str], name: str, convert: Callable[[str], Cell]) -> Cell | None:
    text = line.get(name) or ""
    return convert(text) if text else None


def _row(line: dict[str, str]) -> Row:
    row = Row(
        file_name=line["file_name"],
        label=line["label"],
        kind=line.get("kind") or "original",
        partner=_cell(line, "partner", str),
        weight=_cell(line, "weight", float),
        cluster=_cell(line, "cluster", int),
        distance=_cell(line, "distance", float),
    )
    if not row.file_name or not row.label:
        raise ValueError("file_name and label must not be empty")
    if row.kind not in KINDS:
        raise ValueError(f"kind is {row.kind!r}; it must be one of {', '.join(KINDS)}")
    if (row.kind == "synthetic") != (row.partner is not None and row.weight is not None):
        raise ValueError("a synthetic row, and no other, needs a partner and a weight")
    if row.weight is not None and not 0 <= row.weight <= 1:
        raise ValueError(f"weight is {row.weight:g}; it must lie between 0 and 1")
    return row


def _dropped(line: dict[str, str]) -> Dropped:
    return Dropped(
        line["file_name"],
        line["label"],
        _cell(line, "cluster", int),
        _cell(line, "distance", float),
        line["reason"],
    )


def _place(line: dict[str, str]) -> Place:
    place = Place(line["file_name"], line["label"], float(line["x"]), float(line["y"]))
    if not (isfinite(place.x) and isfinite(place.y)):
        raise ValueError("x and y must be finite numbers")
    return place


def _content(path: Path) -> bytes:
    """Read a file of a manifest. Raises ManifestError where there is none."""
    if not is_regular_file(path):
        raise ManifestError(f"no manifest at {str(path)!r}: check the name")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{str(path)!r}, line 1: {error}") from None


def _parse_csv(
    path: Path, content: bytes, needed: Sequence[str], parse: Callable[[dict[str, str]], Cell]
) -> list[Cell]:
    number = 1
    try:
        # Spreadsheets put a byte order mark in front: utf-8-sig takes it off.
        text = content.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = reader.fieldnames or ()
        missing = [name for name in needed if name not in header]
        if len(set(header)) < len(header):
            raise ValueError("has a column twice")
        if missing:
            raise ValueError(
                f"needs the columns {', '.join(needed)}; {', '.join(missing)} not found"
            )
        parsed = []
        for line in reader:
            number = reader.line_num
            if None in line or None in line.values():
                raise ValueError("has more or fewer cells than the header")
            parsed.append(parse(line))
    except (ValueError, csv.Error) as error:
        raise ManifestError(f"{str(path)!r}, line {number}: {error}") from None
    return parsed


def _read_record(path: Path) -> ManifestRecord:
    try:
        record = read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ManifestError(f"{str(path)!r} is not readable as JSON: {error}") from None
    number = record.get("format", FORMAT) if isinstance(record, dict) else None
    if isinstance(number, int) and number > FORMAT:
        raise ManifestError(
            f"{str(path)!r} is of format {number}, and {FORMAT} is the latest that this version "
            "reads: update rebalance"
        )
    if not isinstance(record, dict) or not _is_record(record):
        raise ManifestError(
            f"{str(path)!r} is not the record of a manifest of format {FORMAT}: write it anew with "
            "rebalance, or take it away"
        )
    # Somebody else's may hold what it likes under the names of ours.
    if "rebalance" in record and (fault := misfit(record, ManifestRecord, "the record")):
        raise ManifestError(
            f"{str(path)!r} is damaged ({fault}): write it anew with rebalance, or take it away"
        )
    return cast(ManifestRecord, record)


def _is_record(record: dict[str, Any]) -> bool:
    """Whether what is read from a record later has the form it must have."""
    classes, unreadable = record.get("classes", []), record.get("unreadable", [])
    return (
        record.get("format", FORMAT) == FORMAT
        and isinstance(record.get("root", ""), str)
        and _are_texts(classes)
        and len(set(classes)) == len(classes)
        and isinstance(unreadable, list)
        and isinstance(record.get("digests", {}), dict)
        and all(
            isinstance(entry, dict)
            and _are_texts([entry.get(name) for name in ("file_name", "label", "reason")])
            for entry in unreadable
        )
    )


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def read_manifest(path: Path | str, root: Path | str | None = None) -> Manifest:
    """Read ``M.csv``, and its companions where they stand beside it.

    A CSV of somebody else's needs only the columns file_name and label. The root is ``root``, or
    what ``M.json`` says, or the folder of the CSV; the classes are those of ``M.json``, or the
    labels found, sorted. A table that was changed by hand is read, with a word in the log.

    Raises ManifestError, naming the line, and where the files are not all of one writing.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rebalance import read_manifest
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "M.csv"
    ...     _ = path.write_text("file_name,label\\ncat/1.jpg,cat\\ndog/1.jpg,dog\\n")
    ...     print(read_manifest(path).counts)
    {'cat': 1, 'dog': 1}
    """
    own_path = Path(path)
    tables, record = _read_unit(own_path)
    record.pop("digests", None)  # they are of these files, and of no other made of the manifest
    rows = _parse_csv(own_path, tables["rows"], ("file_name", "label"), _row)
    _, dropped_path, _, map_path = companions(own_path)
    dropped, places = [], []
    if "dropped" in tables:
        dropped = _parse_csv(dropped_path, tables["dropped"], DROPPED_COLUMNS, _dropped)
    if "map" in tables:
        places = _parse_csv(map_path, tables["map"], MAP_COLUMNS, _place)
    labels = {row.label for row in rows}
    classes = tuple(record.get("classes") or sorted(labels))
    unknown = sorted(labels - set(classes))
    if unknown:
        raise ManifestError(f"{str(path)!r} has labels that its .json does not: {unknown[0]!r}")
    found = Path(root or record.get("root") or own_path.parent).absolute()
    return Manifest(found, classes, tuple(rows), tuple(dropped), record, tuple(places))


ATTEMPTS = 30  # at files that another process is replacing at this moment


def _read_unit(path: Path) -> tuple[dict[str, bytes], ManifestRecord]:
    """Read the tables of a manifest, by their names in the record, and the record."""
    before: dict[str, bytes] = {}
    for attempt in range(ATTEMPTS):
        found = settled(path, *companions(path))
        rows_path, dropped_path, record_path, map_path = found
        paths = dict(zip(TABLES, (rows_path, dropped_path, map_path), strict=True))
        there = {name: place for name, place in paths.items() if name == "rows" or place.exists()}
        try:
            tables = {name: _content(place) for name, place in there.items()}
            record = _read_record(record_path)
        except ManifestError:
            if settled(path, path) == (path,) and rows_path == path:
                raise  # nobody is moving anything
            continue
        if settled(path, *companions(path)) != found:
            continue
        changed = _changed(tables, record)
        if not changed:
            return tables, record
        if changed == {"rows"} and before == tables:  # nobody is writing: somebody has edited it
            log.warning("%r was changed after it was written", str(path))
            return tables, record
        before = tables
        time.sleep(0.005 * (attempt + 1))
    raise ManifestError(
        f"{str(path)!r} and the files beside it are not of one writing ({', '.join(changed)}): "
        "write the manifest anew, or take its .json away"
    )


def _changed(tables: Mapping[str, bytes], record: ManifestRecord) -> set[str]:
    """Name the tables that are not those the record was written with, or are not there."""
    digests = record.get("digests", {})
    return {
        name
        for name, known in digests.items()
        if name not in tables or table_digest(tables[name]) != known
    }
