"""The export of a manifest under the column names that another tool reads.

Names are written as they are, as in a manifest: in spreadsheets one that begins with an equals sign
is a formula. Imports neither numpy nor torch.
"""

import csv
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rebalance.atomic import replacing
from rebalance.data.source import check_files
from rebalance.data.splitting import tell_of_splits
from rebalance.errors import DataError, OutputError, SettingError, some
from rebalance.manifest import Manifest, check_writable, companions, read_manifest
from rebalance.settings import FolderOptions, RunOptions
from rebalance.tables import A_DATE, read_as

log = logging.getLogger("rebalance")

METADATA = "metadata.csv"
METADATA_LINES = "metadata.jsonl"

# Lines of JSON keep text apart from numbers, which a CSV cannot; who reads both.
JSON_LINES = ".jsonl"
READ_JSON_LINES = ("csv", "hf")
NAMED_AT_MOST = 5  # class names that a warning lists before it counts the rest


class ExportTable(NamedTuple):
    """The header of a table, and a tuple of cells for each sample; a cell may be None."""

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def csv_table(manifest: Manifest, output: Path) -> ExportTable:
    """Make a table of file names, relative to the root, and labels: for fastai and most scripts."""
    return ExportTable(
        ("file_name", "label"), [(row.file_name, row.label) for row in manifest.rows]
    )


def hf(manifest: Manifest, output: Path) -> ExportTable:
    """Make the metadata of Hugging Face's ``imagefolder``, at the images' root or above it.

    Raises OutputError for another name or place, where the tool would not find file or images.
    """
    folder, root = output.absolute().parent.resolve(), manifest.root.resolve()
    named = output.name in (METADATA, METADATA_LINES)
    if not named or not (root == folder or folder in root.parents):
        raise OutputError(
            f"Hugging Face reads {METADATA} or {METADATA_LINES}, and images beside or below it; "
            f"got {str(output)!r} for images in {str(manifest.root)!r}: write to "
            f"{str(manifest.root / METADATA)!r}"
        )
    prefix = root.relative_to(folder)
    rows = [((prefix / row.file_name).as_posix(), row.label) for row in manifest.rows]
    return ExportTable(("file_name", "label"), rows)


def fiftyone(manifest: Manifest, output: Path) -> ExportTable:
    """Make a table for FiftyOne's CSVDataset, with each image's subclass and distance.

    Raises DataError where a file is repeated, for FiftyOne takes rows of one path for one sample.
    """
    _check_each_once(manifest, "FiftyOne")
    rows = [
        (str(manifest.root / row.file_name), row.label, row.cluster, row.distance)
        for row in manifest.rows
    ]
    return ExportTable(("filepath", "label", "cluster", "distance"), rows)


def lightly(manifest: Manifest, output: Path) -> ExportTable:
    """Make a table for LightlyTrain's image classification, with one split.

    Raises DataError for a class name that it would read as several, or as another.
    """
    for name in manifest.classes:
        if "," in name or name != name.strip():
            raise DataError(
                "LightlyTrain needs class names without commas, and without space around them; "
                f"found {name!r}: rename the class"
            )
    rows = [(str(manifest.root / row.file_name), row.label) for row in manifest.rows]
    return ExportTable(("image_path", "label"), rows)


def fastdup(manifest: Manifest, output: Path) -> ExportTable:
    """Make a table of fastdup annotations; all rows are of the split ``train``.

    Raises DataError where a file is repeated: fastdup joins by file name.
    """
    _check_each_once(manifest, "fastdup")
    rows = [(str(manifest.root / row.file_name), row.label, "train") for row in manifest.rows]
    return ExportTable(("filename", "label", "split"), rows)


EXPORTS: dict[str, Callable[[Manifest, Path], ExportTable]] = {
    "csv": csv_table,
    "hf": hf,
    "fiftyone": fiftyone,
    "lightly": lightly,
    "fastdup": fastdup,
}


def write_table(
    path: Path, output: Path, to: str, source: FolderOptions, run: RunOptions
) -> ExportTable:
    """Write the manifest at ``path`` as the table that another tool reads; return what was written.

    The public call ``export`` says what is written, and what is raised.
    """
    if to not in EXPORTS:
        raise SettingError(f"no table for {to!r}: choose one of {', '.join(EXPORTS)}")
    _check_name(output, to)
    check_writable(output, overwrite=run.overwrite)
    if output.resolve() in {file.resolve() for file in companions(path)}:
        raise OutputError(f"{str(output)!r} belongs to the manifest to read: choose another name")
    read = read_manifest(path, source.root)
    check_files(path, read, replace(source, allow_empty=True))
    _check_files_only(path, read)
    table = EXPORTS[to](read, output)
    tell_of_splits(read.rows, "split before, and export each side")
    _warn_of_types(read.classes, output, to)
    with replacing(output) as (partial,):
        _write(partial, table, lines=output.suffix.lower() == JSON_LINES)
    return table


def _check_files_only(path: Path, manifest: Manifest) -> None:
    blends = sum(row.kind == "synthetic" for row in manifest.rows)
    if blends:
        raise DataError(
            f"a table needs a file for each row, but {str(path)!r} has {blends} blends: "
            "materialize it, and give the tool that folder"
        )


def _check_each_once(manifest: Manifest, tool: str) -> None:
    repeated = len(manifest.rows) - len({row.file_name for row in manifest.rows})
    if repeated:
        raise DataError(
            f"{tool} needs every file once, but {repeated} rows repeat one: materialize the "
            "manifest, and give the tool that folder"
        )


def _check_name(output: Path, to: str) -> None:
    kinds = (".csv", JSON_LINES) if to in READ_JSON_LINES else (".csv",)
    if output.suffix.lower() not in kinds:
        raise OutputError(
            f"a table for {to} is a {' or '.join(kinds)} file; got {str(output)!r}: name it like "
            f"{METADATA}"
        )


def _warn_of_types(classes: Sequence[str], output: Path, to: str) -> None:
    """Name the classes that a program which guesses types does not read as text."""
    found = {name: read_as(name) for name in classes}
    lines = output.suffix.lower() == JSON_LINES
    changed = [
        f"{name!r} ({what})"
        for name, what in found.items()
        if what is not None and (not lines or what == A_DATE)
    ]
    if not changed:
        return
    if lines:
        remedy = "write .csv, where they stay text for Hugging Face"
    elif to in READ_JSON_LINES:
        remedy = (
            f"write {output.with_suffix(JSON_LINES).name}, or have text read as text (in pandas "
            "dtype=str, keep_default_na=False)"
        )
    else:
        remedy = "have text read as text (in pandas dtype=str, keep_default_na=False)"
    log.warning(
        "programs that guess types read %s class names as something else: %s: rename them, or %s",
        len(changed),
        some(changed, NAMED_AT_MOST, quoted=False),
        remedy,
    )


def _write(path: Path, table: ExportTable, *, lines: bool) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        if lines:
            for row in table.rows:
                record = dict(zip(table.header, row, strict=True))
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            return
        # Left to themselves, older versions of csv leave a lone carriage return bare.
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(table.header)
        writer.writerows(table.rows)
