"""Tables of parquet: a column of paths and one of vectors, or one of numbers for each dimension.

Read by pyarrow, a part at a time, into one array in memory. pyarrow is imported when a table is
read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import shortened, shown, some
from rebalance.features.files.choosing import (
    LISTED,
    choose_layers,
    find_names,
    number_columns,
)
from rebalance.features.files.feature_file import Content
from rebalance.features.files.matrices import InArray, narrowed
from rebalance.features.files.memory import check_room
from rebalance.features.files.npy import check_shape
from rebalance.features.files.steady import SteadyFile

PART = 2**20  # numbers that are read at a time
ROWS = 2**13  # rows that are read at a time, at most


def read_parquet(file: SteadyFile) -> Content:
    """Read the paths and the vectors of a table."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise file.fault(
            "needs pyarrow to be read, which is not installed",
            "pip install 'rebalance[parquet]', or save it as .npz",
        ) from error
    with _reading(file), pyarrow.parquet.ParquetFile(file.path) as table:
        if not table.metadata.num_rows:
            raise file.fault("has no rows", "write one for each image")
        return Content(_layers(file, table), _names(file, table))


def _names(file: SteadyFile, table: Any) -> list[str] | None:
    """Read the paths: of a column of texts, or of the field ``path`` of one of images."""
    from pyarrow import types

    schema = table.schema_arrow
    texts = [field.name for field in schema if _is_text(field.type)]
    key = find_names(file, texts)
    inner = None
    if key is None:
        images = [
            field.name
            for field in schema
            if types.is_struct(field.type) and field.type.get_field_index("path") >= 0
        ]
        if len(images) > 1:
            raise file.fault(f"has paths in each of {some(images, LISTED)}", "keep one of them")
        key, inner = (images[0], "path") if images else (None, None)
    if key is None:
        return None
    names: list[str] = []
    for batch in table.iter_batches(ROWS, columns=[key if inner is None else f"{key}.{inner}"]):
        column = batch.column(0) if inner is None else batch.column(0).field(inner)
        names += [name or "" for name in column.to_pylist()]
    return names


def _layers(file: SteadyFile, table: Any) -> dict[str, InArray]:
    rows, schema = table.metadata.num_rows, table.schema_arrow
    lists = {field.name: (rows, 1) for field in schema if _is_vector(field.type)}
    if lists:
        layers = choose_layers(file, lists)
        return {layer: _vectors(file, table, name) for layer, name in layers.items()}
    numbers = [field.name for field in schema if _is_number(field.type)]
    columns = [numbers[place] for place in number_columns(numbers, ())]
    if not columns:
        found = some(schema.names, LISTED)
        raise file.fault(f"needs a column of vectors, and has {found}", "call it features")
    return {"pool": _columns(file, table, columns)}


def _vectors(file: SteadyFile, table: Any, name: str) -> InArray:
    """Read a column of lists of numbers, all of one length."""
    rows = table.metadata.num_rows
    length = int(_lengths(next(table.iter_batches(1, columns=[name])).column(0))[0])
    check_shape(file, f"a column {shown(name)}", (rows, max(0, length)))
    check_room(file, 4 * rows * length, _packed(table, [name]))
    whole: NDArray[Any] | None = None
    done = 0
    for batch in table.iter_batches(max(1, min(ROWS, PART // length)), columns=[name]):
        lists = batch.column(0)
        lengths = _lengths(lists)
        if (other := lengths != length).any():
            row = int(other.argmax())
            raise file.fault(
                f"holds {length} numbers of {shown(name)} in row 0, and {max(0, lengths[row])} in "
                f"row {done + row} (counted from 0)",
                "write a vector of one length for each image",
            )
        part = _values(file, name, _plain(lists).flatten()).reshape(-1, length)
        if whole is None:
            whole = np.empty((rows, length), part.dtype)
        whole[done : done + len(part)] = part
        done += len(part)
    return _complete(file, whole, done)


def _columns(file: SteadyFile, table: Any, columns: list[str]) -> InArray:
    """Read columns of numbers as one matrix."""
    rows = table.metadata.num_rows
    check_room(file, 4 * rows * len(columns), _packed(table, columns))
    whole = np.empty((rows, len(columns)), np.float32)
    done = 0
    for batch in table.iter_batches(max(1, min(ROWS, PART // len(columns))), columns=columns):
        for place, name in enumerate(columns):
            whole[done : done + len(batch), place] = _values(file, name, batch.column(name))
        done += len(batch)
    return _complete(file, whole, done)


def _complete(file: SteadyFile, whole: NDArray[Any] | None, rows: int) -> InArray:
    if whole is None or len(whole) != rows:
        raise file.fault("holds fewer rows than it says", "write it again")
    return InArray(whole)


def _values(file: SteadyFile, name: str, column: Any) -> NDArray[Any]:
    """Return the numbers of a part of a column, double precision as single."""
    if column.null_count:
        raise file.fault(f"misses values in {shown(name)}", "write every number, or drop the row")
    return narrowed(column.to_numpy(zero_copy_only=False))


def _lengths(lists: Any) -> NDArray[np.int64]:
    """Count the numbers in each list of a column, -1 for none at all."""
    import pyarrow.compute

    counted = pyarrow.compute.list_value_length(_plain(lists))
    found: NDArray[np.int64] = counted.fill_null(-1).to_numpy(zero_copy_only=False)
    return found


def _packed(table: Any, columns: list[str]) -> int:
    """Sum up the bytes that columns take in the file."""
    metadata = table.metadata
    return sum(
        part.total_compressed_size
        for group in range(metadata.num_row_groups)
        for part in map(metadata.row_group(group).column, range(metadata.num_columns))
        if part.path_in_schema.split(".")[0] in columns or part.path_in_schema in columns
    )


def _plain(values: Any) -> Any:
    """Return what an extension, such as a tensor of fixed shape, is stored as; or a type of one."""
    import pyarrow

    if isinstance(values, pyarrow.ExtensionArray):
        return values.storage
    return values.storage_type if isinstance(values, pyarrow.BaseExtensionType) else values


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_floating(kind) or types.is_integer(kind))


def _is_vector(kind: Any) -> bool:
    from pyarrow import types

    kind = _plain(kind)
    lists = types.is_list(kind), types.is_large_list(kind), types.is_fixed_size_list(kind)
    return any(lists) and _is_number(kind.value_type)


@contextmanager
def _reading(file: SteadyFile) -> Iterator[None]:
    """Let what pyarrow finds wrong be an error that names the file."""
    import pyarrow

    try:
        yield
    except MemoryError as error:
        raise file.fault("does not fit into memory", "save it as .npy, with --names") from error
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = shortened(str(error).partition("\n")[0])
        raise file.fault(
            f"is no parquet file, or is damaged ({reason})", "save it again"
        ) from error
