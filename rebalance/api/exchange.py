"""The public calls between manifests and what other tools read: tables, and image folders."""

from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.api.keywords import takes
from rebalance.manifest import Manifest
from rebalance.progress import Progress, silent
from rebalance.settings import (
    ExportOptions,
    FolderOptions,
    ImportOptions,
    MaterializeOptions,
    RunOptions,
    calls,
)

if TYPE_CHECKING:
    from rebalance.exchange import ExportTable
    from rebalance.materialization import Materialized


@takes(calls.IMPORT)
def import_csv(
    table: Path | str,
    output: Path | str | None = None,
    *,
    columns: ImportOptions,
    source: FolderOptions,
    run: RunOptions,
) -> Manifest:
    """Read a table that lists images and their labels; write it as a manifest where asked to.

    The table is a CSV or lines of JSON objects. Its encoding and the sign between its cells are
    found out, and it need not have a header. Paths are taken as they are written; where these are
    not there, by the one way of reading them that finds every row (backslashes, a prefix to cut,
    other case or Unicode form, no extension or another). What was not plain is said in the log and
    in the record.

    output: the manifest, with its companions beside it. A column that is not told is the one of a
    usual name, whatever its case, or the only one that can be meant. A table without a header has
    the columns 1, 2 and so on. Paths may be absolute or relative to the root, and lie in it.

    Rows keep their order and are originals; a file that is listed again, with the same label, is a
    duplicate. Files that are not there are named in the log and in the record, and left out.

    Raises DataError, naming the line, for a table that cannot be read so or in two ways, for a path
    outside of the root, for a file with two labels, for several labels in one cell and for a class
    none of whose files is there; OutputError as ``manifest.check_output``.
    """
    from rebalance.exchange import import_table

    return import_table(Path(table), output, columns, source, run)


@takes(calls.EXPORT)
def export(
    manifest: Path | str,
    output: Path | str,
    to: str = "csv",
    *,
    chosen: ExportOptions,
    source: FolderOptions,
    run: RunOptions,
) -> "ExportTable":
    """Write a manifest as the table that another tool reads, and return what was written.

    to: a key of ``exchange.EXPORTS``, which says of each what it writes and what it cannot. output:
    a .csv, or for csv and hf a .jsonl of JSON objects, in which a class called 00007 stays a text,
    for hf and parquet a .parquet, for weights a .json too, and for timm a .txt; the log names
    classes that programs take for numbers, dates and the like. Text is quoted and in UTF-8, paths
    are absolute except for csv, hf, weights and parquet, rows are in the manifest's order.

    Raises SettingError for an unknown tool, and for an option that is another's; ManifestError as
    ``read_manifest``; DataError for a manifest that cannot be followed to its images, holds blends,
    or repeats a file where the tool could not; LossError for weights of a class without samples;
    OutputError where the table cannot be written.
    """
    from rebalance.exchange import write_table

    return write_table(Path(manifest), Path(output), to, chosen, source, run)


@takes(calls.MATERIALIZE)
def materialize(
    manifest: Path | str,
    output: Path | str,
    *,
    placing: MaterializeOptions,
    source: FolderOptions,
    run: RunOptions,
    symlink: bool = False,
    progress: Progress = silent,
) -> "Materialized":
    """Write the manifest as an image folder: ``output/label/name``, a file for each row.

    No original can be changed by way of a file in the folder, unless ``link`` asks for one that is
    the original itself: ``auto`` makes reflinks where the file system has them, else copies;
    ``hard`` makes hard links, or copies where there can be none; ``sym`` links to absolute paths,
    whose label some readers took from where they lead (huggingface/datasets #5098). Even then a row
    that repeats an image is a copy, and so is one whose image lies outside of the root, where a
    link in the data leads to. ``reflink`` and ``copy`` are those and no other. Blends are PNG
    images, as ``blending.blend`` makes them of the upright RGB images. ``class_map.txt`` has the
    classes in the manifest's order, one a line; ``.rebalance.json`` the file of each row, in order.
    Nothing appears at ``output`` before all of it is written. Names are as
    ``materialization.names.sample_names`` says.

    With ``val`` or ``test`` there are sides: ``output/train/label/name``, and ``val`` and ``test``
    likewise, each with a folder for every class of the manifest, so that numbers are the same in
    all. These are originals, and no image is on two sides, neither as a file nor as another of
    equal bytes. ``class_map.txt`` and ``.rebalance.json``, which has all sides, stay at the top.

    symlink: short for ``link="sym"``. A folder is replaced only if materialize made it and nothing
    else lies in it, but for what Ultralytics notes there of its images; classes that may have no
    row become empty folders.

    Raises ManifestError for a manifest that cannot be read; DataError for one that cannot be
    followed to its images, has names that no folder can have, or blends features instead of
    images, and for an image on two sides, which it names, or a side with blends, repeats or a class
    that the manifest has not; SettingError for a layout whose reader needs images to validate on
    and gets none; OutputError where the folder cannot be written, or not by such links.
    """
    from rebalance import materialization

    return materialization.materialize(
        Path(manifest), output, placing, source, run, symlink=symlink, progress=progress
    )
