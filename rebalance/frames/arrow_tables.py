"""Columns as a table of pyarrow, which is imported when one is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.errors import OutputError
from rebalance.frames.columns import TypedColumn

if TYPE_CHECKING:
    import pyarrow


def arrow_table(columns: Sequence[TypedColumn]) -> "pyarrow.Table":
    """Make a table of Arrow: names are dictionaries in their order, and texts stay texts.

    Raises OutputError where pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise OutputError(
            "parquet needs pyarrow to be written, which is not installed: pip install "
            "'rebalance[parquet]', or write .csv"
        ) from error
    return pyarrow.table({column.name: _array(column) for column in columns})


def _array(column: TypedColumn) -> Any:
    import pyarrow

    if isinstance(column.kind, tuple):
        place = {name: number for number, name in enumerate(column.kind)}
        codes = [None if value is None else place[value] for value in column.values]
        return pyarrow.DictionaryArray.from_arrays(
            pyarrow.array(codes, pyarrow.int32()), pyarrow.array(column.kind, pyarrow.string())
        )
    if column.kind is Path:
        files = [{"bytes": None, "path": each} for each in column.values]
        fields = {"bytes": pyarrow.binary(), "path": pyarrow.string()}
        return pyarrow.array(files, pyarrow.struct(fields))
    types = {
        str: pyarrow.string,
        int: pyarrow.int64,
        float: pyarrow.float64,
        bool: pyarrow.bool_,
    }
    return pyarrow.array(column.values, types[column.kind]())
