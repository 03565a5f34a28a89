"""Tables of text with a path and the numbers of its image in each line, such as Lightly's.

Imports numpy and nothing heavier.
"""

from array import array
from collections.abc import Sequence

import numpy as np

from rebalance.data.folder import EXTENSIONS
from rebalance.errors import DataError, FeatureFileError, shown
from rebalance.features.files.choosing import NAMES, number_columns
from rebalance.features.files.feature_file import Content
from rebalance.features.files.matrices import InArray
from rebalance.features.files.memory import check_room
from rebalance.features.files.steady import SteadyFile
from rebalance.tables import number, tell
from rebalance.tables.dialects import Line
from rebalance.tables.long_table import LongTable, open_table

CHECKED = 2**26  # bytes of numbers after which memory is looked at again


def read_csv(file: SteadyFile) -> Content:
    """Read the path and the numbers of each line, as float32, into memory."""
    try:
        with file.opened():
            table = open_table(file.path, [NAMES], EXTENSIONS)
            tell(file.path, table.notes)
            return _content(file, table)
    except DataError as error:
        raise FeatureFileError(str(error)) from error


def _content(file: SteadyFile, table: LongTable) -> Content:
    path = table.places[NAMES.key]
    columns = number_columns(table.header, [path])
    if not columns:
        raise file.fault(
            "has no column of numbers beside its paths", "write one for each dimension"
        )
    names: list[str] = []
    numbers = array("f")
    seen = 0
    for line in table.lines():
        names.append(line.cells[path])
        numbers.frombytes(_numbers(file, table.header, line, columns).tobytes())
        if len(numbers) * numbers.itemsize - seen > CHECKED:
            seen = len(numbers) * numbers.itemsize
            check_room(file, seen)
    if not names:
        raise file.fault("has no line below its header", "write one for each image")
    values = np.frombuffer(numbers, np.float32).reshape(len(names), len(columns))
    return Content({"pool": InArray(values)}, names)


def _numbers(
    file: SteadyFile, header: Sequence[str], line: Line, columns: Sequence[int]
) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Read the numbers of a line; what float32 cannot hold becomes infinite."""
    try:
        values = [float(line.cells[place]) for place in columns]
    except ValueError:
        values = [_number(file, header[place], line, place) for place in columns]
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def _number(file: SteadyFile, column: str, line: Line, place: int) -> float:
    """Read one number, as other programs write it."""
    try:
        value = number(line.cells[place])
        found = "nothing"
    except ValueError:
        value, found = None, shown(line.cells[place])
    if value is None:
        raise FeatureFileError(
            f"{str(file.path)!r}, line {line.number}: column {shown(column)} holds {found}, and a "
            "number was needed: write one column for each dimension, without gaps"
        )
    return value
