"""The export of a manifest under the column names that another tool reads.

Imports neither numpy nor torch.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rebalance.atomic import replacing
from rebalance.data.source import check_files
from rebalance.data.splitting import tell_of_splits
from rebalance.errors import DataError, OutputError, SettingError, choose, some
from rebalance.exchange.hugging_face import METADATA
from rebalance.exchange.tools import BY_FOLDER, EXPORTS
from rebalance.exchange.writing import WRITERS, ExportTable
from rebalance.manifest import Manifest, Row, check_writable, companions, read_manifest
from rebalance.settings import ExportOptions, FolderOptions, RunOptions
from rebalance.tables import A_DATE, read_as

log = logging.getLogger("rebalance")

NAMED_AT_MOST = 5  # class names that a warning lists before it counts the rest


def write_table(
    path: Path,
    output: Path,
    to: str,
    chosen: ExportOptions,
    source: FolderOptions,
    run: RunOptions,
) -> ExportTable:
    """Write the manifest at ``path`` as the table that another tool reads; return what was written.

    The public call ``export`` says what is written, and what is raised.
    """
    if to not in EXPORTS:
        raise SettingError(BY_FOLDER.get(to) or f"no table for {to!r}: {choose(to, EXPORTS)}")
    _check_options(chosen, to)
    _check_name(output, to)
    check_writable(output, overwrite=run.overwrite)
    if output.resolve() in {file.resolve() for file in companions(path)}:
        raise OutputError(f"{str(output)!r} belongs to the manifest to read: choose another name")
    read = read_manifest(path, source.root)
    left_out = [Row(each.file_name, each.label) for each in read.dropped if chosen.dropped]
    named = replace(read, rows=(*read.rows, *left_out))
    check_files(path, named, replace(source, allow_empty=True))
    if not EXPORTS[to].takes_blends:
        _check_files_only(path, read)
    table = EXPORTS[to].make(read, output, chosen)
    tell_of_splits(read.rows, "split before, and export each side")
    _warn_of_types(read.classes, output, to)
    with replacing(output) as (partial,):
        WRITERS[output.suffix.lower()](partial, table)
    return table


def _check_options(chosen: ExportOptions, to: str) -> None:
    for name, value in vars(chosen).items():
        if value != getattr(ExportOptions, name) and name not in EXPORTS[to].options:
            takers = [tool for tool, export in EXPORTS.items() if name in export.options]
            raise SettingError(
                f"--{name} is for {' or '.join(takers)}, and the table is for {to}: leave it out"
            )


def _check_files_only(path: Path, manifest: Manifest) -> None:
    made = sum(row.is_made for row in manifest.rows)
    if made:
        what = "blends" if all(row.operation is None for row in manifest.rows) else "made images"
        raise DataError(
            f"a table needs a file for each row, but {str(path)!r} has {made} {what}: "
            "materialize it, and give the tool that folder"
        )


def _check_name(output: Path, to: str) -> None:
    kinds = EXPORTS[to].endings
    if output.suffix.lower() not in kinds:
        name = METADATA if ".csv" in kinds else f"{to}{kinds[0]}"
        raise OutputError(
            f"a table for {to} is a {' or '.join(kinds)} file; got {str(output)!r}: name it like "
            f"{name}"
        )


def _warn_of_types(classes: Sequence[str], output: Path, to: str) -> None:
    """Name the classes that a program which guesses types does not read as text."""
    ending = output.suffix.lower()
    if ending not in (".csv", ".jsonl"):
        return
    found = {name: read_as(name) for name in classes}
    lines = ending == ".jsonl"
    changed = [
        f"{name!r} ({what})"
        for name, what in found.items()
        if what is not None and (not lines or what == A_DATE)
    ]
    if not changed:
        return
    others = [each for each in EXPORTS[to].endings if each != ending]
    if lines:
        remedy = "write .csv, where they stay text for Hugging Face"
    elif others:
        remedy = (
            f"write {output.with_suffix(others[0]).name}, or have text read as text (in pandas "
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
