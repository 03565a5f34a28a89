"""Columns as a DataFrame of pandas, which is imported when one is made."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rebalance.errors import OutputError
from rebalance.frames.columns import TypedColumn

if TYPE_CHECKING:
    import pandas


def pandas_frame(columns: Sequence[TypedColumn]) -> "pandas.DataFrame":
    """Make a DataFrame: names are categories in their order, whole numbers int64, or Int64.

    The latter where they may be missing. Raises OutputError where pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise OutputError(
            "a DataFrame needs pandas, which is not installed: pip install 'rebalance[pandas]'"
        ) from error
    return pandas.DataFrame({column.name: _series(column) for column in columns})


def _series(column: TypedColumn) -> Any:
    import pandas

    kind, values = column.kind, column.values
    plain: dict[type, str] = {float: "float64", bool: "bool"}
    if isinstance(kind, tuple):
        return pandas.Series(pandas.Categorical(values, categories=list(kind)))
    if kind is int:
        return pandas.Series(values, dtype="Int64" if column.optional else "int64")
    if kind in plain:
        return pandas.Series(values, dtype=plain[kind])
    try:
        # The type of texts is another one from pandas 3 on.
        return pandas.Series(values, dtype=pandas.Series([""]).dtype)
    except UnicodeEncodeError:  # a file name that is no UTF-8
        return pandas.Series(values, dtype=object)
