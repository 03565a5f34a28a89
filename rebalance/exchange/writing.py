"""What is exported, and how it is written, by the ending of its file.

Names are written as they are, as in a manifest: in spreadsheets one that begins with an equals sign
is a formula. Imports neither numpy nor torch; pyarrow is imported when parquet is written.
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rebalance.frames import TypedColumn, arrow_table
from rebalance.manifest import to_json


class ExportTable(NamedTuple):
    """The header of a table, and a tuple of cells for each sample; a cell may be None.

    document: what a .json of it holds. columns: those of a .parquet, which have types. notes: what
    its schema says beside them, by who reads it.
    """

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    document: Any = None
    columns: Sequence[TypedColumn] = ()
    notes: Mapping[str, str] = {}


def _csv(path: Path, table: ExportTable) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        # Left to themselves, older versions of csv leave a lone carriage return bare.
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(table.header)
        writer.writerows(table.rows)


def _json_lines(path: Path, table: ExportTable) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in table.rows:
            record = dict(zip(table.header, row, strict=True))
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _json(path: Path, table: ExportTable) -> None:
    path.write_text(to_json(table.document), encoding="utf-8", newline="")


def _lines(path: Path, table: ExportTable) -> None:
    lines = "".join(f"{name}\n" for (name,) in table.rows)
    path.write_text(lines, encoding="utf-8", newline="")


def _parquet(path: Path, table: ExportTable) -> None:
    made = arrow_table(table.columns)
    import pyarrow.parquet

    pyarrow.parquet.write_table(made.replace_schema_metadata(dict(table.notes)), path)


# Lines of JSON keep text apart from numbers, which a CSV cannot.
WRITERS: dict[str, Callable[[Path, ExportTable], None]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
    ".txt": _lines,
}
