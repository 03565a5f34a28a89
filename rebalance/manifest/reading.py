"""Reading a manifest, of ours or of somebody else's."""

import csv
import json
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, cast

from rebalance.errors import ManifestError
from rebalance.manifest.rows import (
    DROPPED_COLUMNS,
    KINDS,
    MAP_COLUMNS,
    Dropped,
    Manifest,
    Place,
    Row,
    companions,
)
from rebalance.reading import is_regular_file, open_csv
from rebalance.records import ManifestRecord
from rebalance.records.manifest import FORMAT

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


def _read_csv(
    path: Path, needed: Sequence[str], parse: Callable[[dict[str, str]], Cell]
) -> list[Cell]:
    number = 1
    if not is_regular_file(path):
        raise ManifestError(f"no manifest at {str(path)!r}: check the name")
    try:
        with open_csv(path) as file:
            reader = csv.DictReader(file, strict=True)
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
    except (OSError, ValueError, csv.Error) as error:
        raise ManifestError(f"{str(path)!r}, line {number}: {error}") from None
    return parsed


def _read_record(path: Path) -> ManifestRecord:
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_bytes())
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
    labels found, sorted. Raises ManifestError, naming the line.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rebalance import read_manifest
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "M.csv"
    ...     _ = path.write_text("file_name,label\\ncat/1.jpg,cat\\ndog/1.jpg,dog\\n")
    ...     print(read_manifest(path).counts)
    {'cat': 1, 'dog': 1}
    """
    rows_path, dropped_path, record_path, map_path = companions(Path(path))
    rows = _read_csv(rows_path, ("file_name", "label"), _row)
    dropped = _read_csv(dropped_path, DROPPED_COLUMNS, _dropped) if dropped_path.exists() else []
    places = _read_csv(map_path, MAP_COLUMNS, _place) if map_path.exists() else []
    record = _read_record(record_path)
    labels = {row.label for row in rows}
    classes = tuple(record.get("classes") or sorted(labels))
    unknown = sorted(labels - set(classes))
    if unknown:
        raise ManifestError(f"{str(path)!r} has labels that its .json does not: {unknown[0]!r}")
    found = Path(root or record.get("root") or rows_path.parent).absolute()
    return Manifest(found, classes, tuple(rows), tuple(dropped), record, tuple(places))
