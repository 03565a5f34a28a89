"""The import of a table of paths and labels, whoever made it, as a manifest.

Imports neither numpy nor torch.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rebalance import __version__
from rebalance.data.folder import ENDINGS, Unreadable
from rebalance.data.source import as_records, name_unreadable
from rebalance.errors import DataError, OutputError
from rebalance.exchange.resolving import Listed, Resolved, resolve
from rebalance.manifest import (
    COLUMNS,
    FORMAT,
    Manifest,
    Row,
    check_output,
    companions,
)
from rebalance.manifest.writing import write_manifest
from rebalance.records import ManifestRecord, SourceRecord
from rebalance.settings import FolderOptions, ImportOptions, RunOptions
from rebalance.tables import FILE, LABEL, ForeignTable, Note, cleaned, read_table, tell
from rebalance.tables.columns import plain

log = logging.getLogger("rebalance")

SPLIT_COLUMNS = ("split", "subset", "fold", "is_valid")
BETWEEN_LABELS = "|;,"  # what may stand between several labels in one cell


class Entry(NamedTuple):
    """A line of the table: its number, the path as written there, and the label."""

    line: int
    path: str
    label: str


def import_table(
    table: Path,
    output: Path | str | None,
    columns: ImportOptions,
    source: FolderOptions,
    run: RunOptions,
) -> Manifest:
    """Read a table that lists images and their labels; write it as a manifest where asked to.

    The public call ``import_csv`` says how it is read, and what is raised.
    """
    if output is not None:
        output = check_output(output, overwrite=run.overwrite)
        if table.resolve() in {file.resolve() for file in companions(output)}:
            raise OutputError(f"{str(output)!r} would replace the table: choose another name")
    place = Path(source.root or table.parent).absolute()
    read = _read(table, columns)
    entries = _entries(read)
    found = resolve(table, place, [Listed(each.line, each.path) for each in entries])
    tell(table, (*read.notes, *found.notes))
    manifest = _manifest(table, place, entries, found, [*read.notes, *found.notes])
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def _read(table: Path, columns: ImportOptions) -> ForeignTable:
    roles = (replace(FILE, given=columns.path_column), replace(LABEL, given=columns.label_column))
    read = read_table(table, roles, ENDINGS)
    if set(COLUMNS) <= set(read.header):
        raise DataError(
            f"{str(table)!r}, line 1: is a manifest already: give it to the other commands as it is"
        )
    if not read.lines:
        raise DataError(f"a table of images was needed, and {str(table)!r} lists none: check it")
    _warn_of_splits(read)
    return read


def _entries(read: ForeignTable) -> list[Entry]:
    """Return the lines with their labels as they are meant, of which the table's notes tell."""
    labels, notes = cleaned(read.column("label"))
    read.notes += notes
    entries = [
        Entry(line.number, path, labels[label])
        for line, path, label in zip(
            read.lines, read.column("path"), read.column("label"), strict=True
        )
    ]
    for each in entries:
        if not each.path.strip() or not each.label:
            raise DataError(
                f"{str(read.path)!r}, line {each.line}: path and label must not be empty"
            )
    _refuse_several(read.path, entries)
    return entries


def _refuse_several(table: Path, entries: Sequence[Entry]) -> None:
    """Raise DataError for a cell of several labels, some of which other rows have."""
    labels = dict.fromkeys(each.label for each in entries)
    alone = Counter(part for label in labels for part in {label, *_parts(label, "|")})
    for label in labels:
        for sign in BETWEEN_LABELS:
            parts = _parts(label, sign)
            # Bars are hardly ever part of a name; commas are, so that more must speak for labels.
            known = [part for part in parts if (alone[part] > 1 if sign == "|" else part in labels)]
            if len(parts) > 1 and known and (sign == "|" or len(known) == len(parts)):
                line = next(each.line for each in entries if each.label == label)
                raise DataError(
                    f"an image needs one label, but {str(table)!r} has {label!r} in line {line}, "
                    f"which may be one class or {len(parts)} ({', '.join(map(repr, parts))}), for "
                    f"other rows have {known[0]!r}: give each image one label, or write those of "
                    f"one class without {sign!r}"
                )


def _parts(label: str, sign: str) -> list[str]:
    """Return the labels that a cell holds if ``sign`` is between them, in order."""
    parts = {part.strip() for part in label.split(sign)} - {""}
    return sorted(parts) if len(parts) > 1 else []


def _warn_of_splits(read: ForeignTable) -> None:
    """Warn where images of several splits come into one manifest."""
    for place, name in enumerate(read.header):
        if plain(name) not in SPLIT_COLUMNS:
            continue
        values = sorted({line.cells[place] for line in read.lines})
        if len(values) > 1:
            log.warning(
                "column %r has %d values (%s ...), all of which are taken: if it tells training "
                "from test images, take the latter out first",
                name,
                len(values),
                values[0],
            )


def _as_rows(table: Path, entries: Sequence[Entry], files: Sequence[str]) -> list[Row]:
    seen: dict[str, Entry] = {}
    rows = []
    for entry, file in zip(entries, files, strict=True):
        before = seen.setdefault(file, entry)
        if before.label != entry.label:
            raise DataError(
                f"an image needs one label, but in {str(table)!r} {file!r} is {before.label!r} in "
                f"line {before.line} and {entry.label!r} in line {entry.line}: correct the table"
            )
        rows.append(Row(file, entry.label, "original" if before is entry else "duplicate"))
    return rows


def _manifest(
    table: Path, root: Path, entries: Sequence[Entry], found: Resolved, notes: Sequence[Note]
) -> Manifest:
    rows = _as_rows(table, entries, found.files)
    before = Counter(row.label for row in rows if row.kind == "original")
    missing = {row.file_name: row.label for row in rows if row.file_name in found.absent}
    classes = tuple(sorted(before))
    absent = [Unreadable(name, label, "no such file") for name, label in missing.items()]
    there = tuple(row for row in rows if row.file_name not in found.absent)
    manifest = Manifest(root, classes, there)
    _report_absent(table, root, absent, manifest, found.hint)
    source: SourceRecord = {"table": str(table)}
    if notes:
        source["reading"] = [note.text for note in notes]
    record: ManifestRecord = {
        "format": FORMAT,
        "rebalance": __version__,
        "command": "import",
        "root": str(root),
        "classes": list(classes),
        "counts": {"before": {name: before[name] for name in classes}, "after": manifest.counts},
        "unreadable": as_records(absent),
        "source": source,
    }
    return replace(manifest, record=record)


def _report_absent(
    table: Path, root: Path, absent: Sequence[Unreadable], manifest: Manifest, hint: str
) -> None:
    empty = [name for name, count in manifest.counts.items() if not count]
    if empty:
        first = next(image.path for image in absent if image.label == empty[0])
        raise DataError(
            f"class {empty[0]!r} needs at least one image, but none that {str(table)!r} lists is "
            f"in {str(root)!r}, such as {first!r}; {hint}"
        )
    name_unreadable(absent)
    if absent:
        log.warning("%r, %s", str(table), hint)
