"""Reading a manifest, of ours or of somebody else's."""

import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from rebalance.atomic import settled
from rebalance.errors import ManifestError, meant
from rebalance.manifest.parsing import DROPPED, PLACES, ROWS, parse
from rebalance.manifest.rooting import absolute_root, with_roots
from rebalance.manifest.rows import TABLES, Manifest, Row, companions, table_digest, unit_of
from rebalance.manifest.tidying import recognised, tidied
from rebalance.reading import beside, is_regular_file, read_json
from rebalance.records import ManifestRecord
from rebalance.records.manifest import FORMAT
from rebalance.records.shape import misfit

log = logging.getLogger("rebalance")


def _content(path: Path) -> bytes:
    """Read a file of a manifest. Raises ManifestError where there is none."""
    if not is_regular_file(path):
        raise ManifestError(
            f"no manifest at {str(path)!r}: check the name{meant(path.name, beside(path))}"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{str(path)!r}, line 1: {error}") from None


def _read_record(path: Path) -> ManifestRecord:
    try:
        record = read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ManifestError(f"{str(path)!r} is not readable as JSON: {error}") from None
    if _is_foreign(record):
        log.warning("%r beside the table is of another program, and left out", str(path))
        return {}
    number = record.get("format", FORMAT)
    if isinstance(number, int) and number > FORMAT:
        raise ManifestError(
            f"{str(path)!r} is of format {number}, and {FORMAT} is the latest that this version "
            "reads: update rebalance"
        )
    if not _is_record(record):
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


def _is_foreign(record: Any) -> bool:
    """Tell whether JSON is another program's.

    It has keys that no record has, and none of ours alone.
    """
    if not isinstance(record, dict):
        return True
    known = ManifestRecord.__annotations__.keys()
    return not record.keys() & {"rebalance", "digests"} and not record.keys() <= known


def _is_record(record: dict[str, Any]) -> bool:
    """Tell whether what is read from a record later has the form it must have."""
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

    A CSV of somebody else's needs only the columns file_name and label, whichever sign is between
    its cells. The root is ``root``, or what ``M.json`` says, or the folder of the CSV; the classes
    are those of ``M.json``, or the labels found, sorted. A table that was changed by hand or that
    went through pandas is read, with a word in the log.

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
    folder = own_path.parent
    record = with_roots(record, lambda told: absolute_root(told, folder))
    found = Path(root or record.get("root") or folder).absolute()
    rows = parse(own_path, tables["rows"], ROWS)
    _, dropped_path, _, map_path = companions(own_path)
    dropped = parse(dropped_path, tables["dropped"], DROPPED) if "dropped" in tables else []
    places = parse(map_path, tables["map"], PLACES) if "map" in tables else []
    if not record and "dropped" not in tables:
        rows = tidied(own_path, rows, found)
    if record.get("classes"):
        rows = recognised(own_path, rows, record["classes"])
    classes = tuple(record.get("classes") or sorted(_classes_of(rows)))
    return Manifest(found, classes, tuple(rows), tuple(dropped), record, tuple(places))


def _classes_of(rows: Iterable[Row]) -> set[str]:
    return {label for row in rows for label in (row.label, row.trained_as)}


ATTEMPTS = 30  # at files that another process is replacing at this moment


def _read_unit(path: Path) -> tuple[dict[str, bytes], ManifestRecord]:
    """Read the tables of a manifest, by their names in the record, and the record."""
    before: dict[str, bytes] = {}
    for attempt in range(ATTEMPTS):
        found = settled(unit_of(path), *companions(path))
        rows_path, dropped_path, record_path, map_path = found
        paths = dict(zip(TABLES, (rows_path, dropped_path, map_path), strict=True))
        there = {name: place for name, place in paths.items() if name == "rows" or place.exists()}
        try:
            tables = {name: _content(place) for name, place in there.items()}
            record = _read_record(record_path)
        except ManifestError:
            if settled(unit_of(path), path) == (path,) and rows_path == path:
                raise  # nobody is moving anything
            continue
        if settled(unit_of(path), *companions(path)) != found:
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
