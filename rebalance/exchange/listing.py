"""The import of a CSV of paths and labels, whoever made it, as a manifest.

Imports neither numpy nor torch.
"""

import csv
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rebalance import __version__
from rebalance.data.folder import Unreadable
from rebalance.data.source import as_records, name_unreadable
from rebalance.errors import DataError, OutputError
from rebalance.manifest import (
    COLUMNS,
    FORMAT,
    Manifest,
    Row,
    check_output,
    companions,
)
from rebalance.manifest.writing import write_manifest
from rebalance.reading import is_regular_file, open_csv
from rebalance.records import ManifestRecord
from rebalance.settings import FolderOptions, RunOptions

log = logging.getLogger("rebalance")

PATH_COLUMNS = (
    "file_name",
    "filename",
    "file",
    "file_path",
    "filepath",
    "path",
    "image",
    "image_path",
    "image_name",
    "image_file",
    "img",
    "img_path",
    "fname",
)
LABEL_COLUMNS = ("label", "labels", "label_name", "class", "class_name", "target", "category")
SPLIT_COLUMNS = ("split", "subset", "fold", "is_valid")

Entry = tuple[int, str, str]  # line of the table, path as written there, label


def import_csv(
    table: Path | str,
    output: Path | str | None = None,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    root: Path | str | None = FolderOptions.root,
    overwrite: bool = RunOptions.overwrite,
) -> Manifest:
    """Read a CSV that lists images and their labels; write it as a manifest where asked to.

    output: the manifest, with its companions beside it. path_column, label_column: the columns to
    read; without them the one column of a name in ``PATH_COLUMNS`` and ``LABEL_COLUMNS``, whatever
    its case. root: the folder of the images, that of the table unless told; paths may be absolute
    or relative to it, and lie in it.

    Rows keep their order and are originals; a file that is listed again, with the same label, is a
    duplicate. Files that are not there are named in the log and in the record, and left out.

    Raises DataError, naming the line, for a table that cannot be read so, for a path outside of the
    root, for a file with two labels and for a class none of whose files is there; OutputError as
    ``manifest.check_output``.
    """
    table = Path(table)
    if output is not None:
        output = check_output(output, overwrite=overwrite)
        if table.resolve() in {file.resolve() for file in companions(output)}:
            raise OutputError(f"{str(output)!r} would replace the table: choose another name")
    place = Path(root or table.parent).absolute()
    listed = _as_rows(table, place, _read(table, path_column, label_column))
    manifest = _manifest(table, place, listed)
    if output is not None:
        write_manifest(output, manifest, overwrite=overwrite)
    return manifest


def _read(table: Path, path_column: str | None, label_column: str | None) -> list[Entry]:
    number = 1
    if not is_regular_file(table):
        raise DataError(f"no table at {str(table)!r}: check the name")
    try:
        with open_csv(table) as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if set(COLUMNS) <= set(header):
                raise ValueError("is a manifest already: give it to the other commands as it is")
            path_at = _column(header, path_column, PATH_COLUMNS, "path")
            label_at = _column(header, label_column, LABEL_COLUMNS, "label")
            entries, others = [], []
            for line in reader:
                number = reader.line_num
                if line:
                    entries.append(_entry(number, header, line, path_at, label_at))
                    others.append(line)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{str(table)!r}, line {number}: {error}") from None
    if not entries:
        raise DataError(f"a table of images was needed, and {str(table)!r} lists none: check it")
    _warn_of_splits(header, others)
    return entries


def _column(header: Sequence[str], given: str | None, known: Sequence[str], what: str) -> int:
    """Find the position of the column to read; ValueError where it is not clear."""
    found = [
        place
        for place, name in enumerate(header)
        if (name == given if given is not None else _plain(name) in known)
    ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(header[place]) for place in found) or "none"
    wanted = f"named {given!r}" if given is not None else f"with the {what} of each image"
    raise ValueError(
        f"needs one column {wanted}; found {names} among {', '.join(map(repr, header)) or 'no'} "
        f"columns: name it with --{what}-column"
    )


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _entry(
    number: int, header: Sequence[str], line: Sequence[str], path_at: int, label_at: int
) -> Entry:
    if len(line) != len(header):
        raise ValueError("has more or fewer cells than the header")
    if not line[path_at] or not line[label_at]:
        raise ValueError("path and label must not be empty")
    return number, line[path_at], line[label_at]


def _warn_of_splits(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Warn where images of several splits come into one manifest."""
    for place, name in enumerate(header):
        values = sorted({line[place] for line in lines})
        if _plain(name) in SPLIT_COLUMNS and len(values) > 1:
            log.warning(
                "column %r has %d values (%s ...), all of which are taken: if it tells training "
                "from test images, take the latter out first",
                name,
                len(values),
                values[0],
            )


def _as_rows(table: Path, root: Path, entries: Sequence[Entry]) -> Iterator[Row]:
    seen: dict[str, tuple[int, str]] = {}
    for number, path, label in entries:
        file = _relative(table, root, number, path)
        before = seen.setdefault(file, (number, label))
        if before[1] != label:
            raise DataError(
                f"an image needs one label, but in {str(table)!r} {file!r} is {before[1]!r} in "
                f"line {before[0]} and {label!r} in line {number}: correct the table"
            )
        yield Row(file, label, "original" if before[0] == number else "duplicate")


def _relative(table: Path, root: Path, number: int, path: str) -> str:
    """Make ``path`` relative to the root, with forward slashes; DataError if it lies outside."""
    # Not Path.resolve: links in a dataset stay what they are called.
    full = Path(os.path.normpath(root / path))
    base = Path(os.path.normpath(root))
    if full == base or base not in full.parents:
        raise DataError(
            f"images must lie in {str(root)!r}, but {str(table)!r} has {path!r} in line {number}: "
            "say where they are with --root"
        )
    return full.relative_to(base).as_posix()


def _manifest(table: Path, root: Path, listed: Iterator[Row]) -> Manifest:
    rows: list[Row] = []
    missing: dict[str, str] = {}
    before: Counter[str] = Counter()
    for row in listed:
        before[row.label] += row.kind == "original"
        if row.file_name not in missing and (row.kind == "duplicate" or _is_there(root, row)):
            rows.append(row)
        else:
            missing[row.file_name] = row.label
    classes = tuple(sorted(before))
    absent = [Unreadable(name, label, "no such file") for name, label in missing.items()]
    manifest = Manifest(root, classes, tuple(rows))
    _report_absent(table, root, absent, manifest)
    record: ManifestRecord = {
        "format": FORMAT,
        "rebalance": __version__,
        "command": "import",
        "root": str(root),
        "classes": list(classes),
        "counts": {"before": {name: before[name] for name in classes}, "after": manifest.counts},
        "unreadable": as_records(absent),
        "source": {"table": str(table)},
    }
    return Manifest(root, classes, tuple(rows), record=record)


def _is_there(root: Path, row: Row) -> bool:
    try:
        return (root / row.file_name).is_file()
    except (OSError, ValueError):
        return False


def _report_absent(
    table: Path, root: Path, absent: Sequence[Unreadable], manifest: Manifest
) -> None:
    empty = [name for name, count in manifest.counts.items() if not count]
    if empty:
        first = next(image.path for image in absent if image.label == empty[0])
        raise DataError(
            f"class {empty[0]!r} needs at least one image, but none that {str(table)!r} lists is "
            f"in {str(root)!r}, such as {first!r}: say where they are with --root"
        )
    name_unreadable(absent)
