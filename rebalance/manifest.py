"""The manifest: which images to train on, which were left out and why.

``M.csv`` has one line per sample to train on, ``M.dropped.csv`` one per image left out, and
``M.json`` says how they came about; where classes were clustered on a map of their images,
``M.map.csv`` has it. Originals, dropped and unreadable images together are the
folder, always. Imports neither numpy nor torch, so that any script can afford to read a manifest.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, TextIO, TypeVar

from rebalance.atomic import replacing
from rebalance.errors import ManifestError, OutputError

FORMAT = 1
KINDS = ("original", "duplicate", "synthetic")
DIGITS = 6  # of distances and silhouettes

Cell = TypeVar("Cell")


@dataclass(frozen=True)
class Row:
    """One sample to train on: ``(1 - weight) * file_name + weight * partner``.

    file_name: relative to the dataset root, POSIX. label: class name. kind: one of ``KINDS``.
    partner, weight: the recipe of a synthetic sample; an original or a duplicate has none.
    cluster, distance: the subclass the sample was found in, and how far it lies from its centre.
    """

    file_name: str
    label: str
    kind: str = "original"
    partner: str | None = None
    weight: float | None = None
    cluster: int | None = None
    distance: float | None = None


@dataclass(frozen=True)
class Dropped:
    """One image left out, and why."""

    file_name: str
    label: str
    cluster: int | None
    distance: float | None
    reason: str


@dataclass(frozen=True)
class Place:
    """Where an image lies on the map that its class was clustered on."""

    file_name: str
    label: str
    x: float
    y: float


COLUMNS = tuple(column.name for column in fields(Row))
DROPPED_COLUMNS = tuple(column.name for column in fields(Dropped))
MAP_COLUMNS = tuple(column.name for column in fields(Place))


@dataclass(frozen=True)
class Manifest:
    """Rows to train on, rows left out, and the record of how they came about (``M.json``).

    root: the folder that file names are relative to. classes: in label order. places: of the
    images, kept or dropped, of each class that was clustered.
    """

    root: Path
    classes: tuple[str, ...]
    rows: tuple[Row, ...]
    dropped: tuple[Dropped, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)
    places: tuple[Place, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Samples per class, in class order; a class without samples counts 0."""
        found = Counter(row.label for row in self.rows)
        return {name: found[name] for name in self.classes}


def companions(path: Path) -> tuple[Path, Path, Path, Path]:
    """``M.csv``, ``M.dropped.csv``, ``M.json`` and ``M.map.csv``."""
    dropped, record, places = map(path.with_suffix, (".dropped.csv", ".json", ".map.csv"))
    return path, dropped, record, places


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

    All or none; a map that is replaced by nothing goes. Raises OutputError as ``check_output``.
    """
    *targets, map_path = companions(check_output(path, overwrite=overwrite))
    if manifest.places:
        targets.append(map_path)
    # The CSV is renamed last: where it exists, its companions do.
    with replacing(*reversed(targets)) as (*places, record, dropped, rows):
        if places:
            _write_csv(places[0], MAP_COLUMNS, manifest.places)
        _write_csv(rows, COLUMNS, manifest.rows)
        _write_csv(dropped, DROPPED_COLUMNS, manifest.dropped)
        # A file name that is not UTF-8 becomes the escape that JSON has for lone surrogates.
        record.write_bytes(to_json(manifest.record).encode("utf-8", "backslashreplace"))
    if not manifest.places:
        map_path.unlink(missing_ok=True)


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
    if not path.is_file():  # opening a pipe would wait for its writer
        raise ManifestError(f"no manifest at {str(path)!r}: check the name")
    try:
        # Spreadsheets put a byte order mark in front: utf-8-sig takes it off.
        with path.open(encoding="utf-8-sig", newline="") as file:
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


def _read_record(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ManifestError(f"{str(path)!r} is not readable as JSON: {error}") from None
    if not isinstance(record, dict) or not _is_record(record):
        raise ManifestError(
            f"{str(path)!r} is not the record of a manifest of format {FORMAT}: write it anew with "
            "rebalance, or take it away"
        )
    return record


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
