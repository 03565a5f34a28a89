"""What a column of a table holds. Imports neither pandas nor pyarrow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rebalance.errors import SettingError, choose, shown

Table = TypeVar("Table")


@dataclass(frozen=True)
class TypedColumn:
    """A column: its name, its values in order, and of what kind they are.

    kind: ``str``, ``int``, ``float`` or ``bool``; ``Path`` for texts that are files, which Arrow
    has as Hugging Face stores them, a path beside bytes that are not there; or the names that a
    text is one of, in their order. optional: whether whole numbers may be missing; texts and floats
    always may, as None.
    """

    name: str
    kind: type | tuple[str, ...]
    values: Sequence[Any]
    optional: bool = False


def chosen_table(tables: Mapping[str, Table], name: str) -> Table:
    """Return the table called ``name``. Raises SettingError where there is none."""
    if name not in tables:
        raise SettingError(f"no table {shown(name)}: {choose(name, tables)}")
    return tables[name]
