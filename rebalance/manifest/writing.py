"""Writing a manifest: all of its files or none, and none over another unasked."""

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rebalance.atomic import replacing
from rebalance.errors import OutputError
from rebalance.manifest.rooting import relative_root, with_roots
from rebalance.manifest.rows import (
    COLUMNS,
    DROPPED_COLUMNS,
    MAP_COLUMNS,
    OPTIONAL_COLUMNS,
    TABLES,
    Manifest,
    Row,
    companions,
    member_path,
    table_digest,
    unit_of,
)
from rebalance.reading import read_object
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
    the tables, by which a reader knows that the files are of one writing, and names the root from
    the folder of the manifest where both lie in one tree. Raises OutputError as ``check_output``.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rebalance import Manifest, Row, write_manifest
    >>> manifest = Manifest(Path("photos"), ("cat", "dog"), (Row("cat/1.jpg", "cat"),))
    >>> with TemporaryDirectory() as folder:
    ...     write_manifest(Path(folder) / "M.csv", manifest)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['M.csv', 'M.dropped.csv', 'M.json']
    """
    _write({check_output(path, overwrite=overwrite): manifest}, overwrite=overwrite)


def write_members(
    path: Path | str, manifests: Sequence[Manifest], *, overwrite: bool = False
) -> None:
    """Write the members of an ensemble called ``M.csv``: ``M.0.csv``, ``M.1.csv`` and so on.

    All files of all of them or none; further members of an ensemble that is replaced go with it.
    Raises OutputError as ``check_members``.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rebalance import Manifest, Row
    >>> from rebalance.manifest.writing import write_members
    >>> manifest = Manifest(Path("photos"), ("cat", "dog"), (Row("cat/1.jpg", "cat"),))
    >>> with TemporaryDirectory() as folder:
    ...     write_members(Path(folder) / "M.csv", [manifest, manifest])
    ...     sorted(path.name for path in Path(folder).glob("M.?.csv"))
    ['M.0.csv', 'M.1.csv']
    """
    places = check_members(path, len(manifests), overwrite=overwrite)
    gone = [each for member in _further(Path(path), len(manifests)) for each in companions(member)]
    _write(dict(zip(places, manifests, strict=True)), overwrite=overwrite, gone=gone)


def check_members(path: Path | str, members: int, *, overwrite: bool) -> list[Path]:
    """The places of the members of an ensemble called ``path``; before anything expensive.

    Raises OutputError as ``check_output``, of any of them, and where there are members of a larger
    ensemble that ``overwrite`` does not let go.
    """
    places = [member_path(Path(path), number) for number in range(members)]
    check_output(path, overwrite=True)
    for place in places:
        check_output(place, overwrite=overwrite)
    further = _further(Path(path), members)
    if further and not overwrite:
        raise OutputError(
            f"{str(further[0])!r} is of another ensemble of this name: choose another name, or "
            "replace all of it with --overwrite"
        )
    return places


def _further(path: Path, members: int) -> list[Path]:
    """The manifests of an ensemble called ``path`` after so many, as far as they are numbered on.

    One whose record does not say that it is of an ensemble is somebody's own.
    """
    found: list[Path] = []
    while _is_member(place := member_path(path, members + len(found))):
        found.append(place)
    return found


def _is_member(path: Path) -> bool:
    try:
        record = read_object(companions(path)[2])
    except (OSError, ValueError):
        return False
    return path.is_file() and "member" in record


def _write(
    manifests: Mapping[Path, Manifest], *, overwrite: bool, gone: Sequence[Path] = ()
) -> None:
    """Write the files of manifests by their paths, as one; ``gone`` goes when they come."""
    tables: list[Path] = []
    without = list(gone)
    for path, manifest in manifests.items():
        _, dropped, record, map_path = companions(path)
        tables += [*([map_path] if manifest.places else []), record, dropped]
        without += [] if manifest.places else [map_path]
    # A CSV is moved last: where it exists, its companions do.
    paths = (*tables, *manifests)
    unit = unit_of(next(iter(manifests)))
    with replacing(*paths, exclusive=not overwrite, unit=unit, without=without) as partial:
        places = dict(zip(paths, partial, strict=True))
        for path, manifest in manifests.items():
            _write_tables(path.parent, [places.get(each) for each in companions(path)], manifest)


def _write_tables(folder: Path, places: Sequence[Path | None], manifest: Manifest) -> None:
    """Write the files of one manifest to places in the order of ``companions``, a map or none.

    folder: where they are in the end, which the root is seen from.
    """
    rows, dropped, record, map_place = places
    assert rows is not None and dropped is not None and record is not None
    if map_place is not None:
        _write_csv(map_place, MAP_COLUMNS, manifest.places)
    _write_csv(rows, _columns(manifest.rows), manifest.rows)
    _write_csv(dropped, DROPPED_COLUMNS, manifest.dropped)
    named = zip(TABLES, (rows, dropped, map_place), strict=True)
    digests = {name: table_digest(table.read_bytes()) for name, table in named if table is not None}
    told = with_roots(manifest.record, lambda root: relative_root(Path(root), folder))
    story: ManifestRecord = {**told, "digests": digests}
    # A file name that is not UTF-8 becomes the escape that JSON has for lone surrogates.
    record.write_bytes(to_json(story).encode("utf-8", "backslashreplace"))
