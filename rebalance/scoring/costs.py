"""What mistakes cost: a matrix read from a CSV.

Imports numpy and nothing heavier; may not import torch or click.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from rebalance.errors import MetricError, SettingError
from rebalance.scoring import check_cost


def read_cost_matrix(path: Path | str, classes: Sequence[str]) -> list[list[float]]:
    """cost[predicted][true] [K][K], both in the order of ``classes``.

    The CSV has a row per predicted and a column per true class, in one of two forms, told apart by
    their size: K × K numbers in class order; or with one row and one column more, which name the
    true and the predicted classes in any order. The cell in the corner may hold anything.

    Raises SettingError for a file that is neither, a cell that is no number, a name that is
    missing, unknown or there twice, and a matrix that ``scoring.check_cost`` refuses.
    """
    rows = _read(Path(path))
    try:
        size = {len(row) for row in rows} | {len(rows)}
        if size == {len(classes) + 1}:
            rows = _in_class_order(rows, classes)
        elif size != {len(classes)}:
            widths = ", ".join(map(str, sorted({len(row) for row in rows}))) or "no"
            raise ValueError(
                f"{len(classes)} classes need as many rows and columns of costs, or one more of "
                f"each with their names, but there are {len(rows)} rows of {widths} cells"
            )
        matrix = [[_number(cell) for cell in row] for row in rows]
        check_cost(matrix, len(classes))
    except (ValueError, MetricError) as error:
        raise SettingError(f"{str(path)!r}: {error}") from None
    return matrix


def _read(path: Path) -> list[list[str]]:
    """The cells of a CSV without the space around them; blank lines are left out."""
    if not path.is_file():  # opening a pipe would wait for its writer
        raise SettingError(f"no cost matrix at {str(path)!r}: check the name")
    try:
        # Spreadsheets put a byte order mark in front: utf-8-sig takes it off.
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file, strict=True)]
    except (OSError, ValueError, csv.Error) as error:
        raise SettingError(f"{str(path)!r} cannot be read as CSV: {error}") from None
    return [row for row in rows if any(row)]


def _in_class_order(rows: list[list[str]], classes: Sequence[str]) -> list[list[str]]:
    """The cells without their names, rows and columns in the order of ``classes``."""
    columns = _places(rows[0][1:], classes, "first row")
    lines = _places([row[0] for row in rows[1:]], classes, "first column")
    return [[rows[1 + line][1 + column] for column in columns] for line in lines]


def _places(names: Sequence[str], classes: Sequence[str], where: str) -> list[int]:
    """Where in ``names`` each class stands; ValueError unless each does, once."""
    known = {name.strip(): name for name in classes}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"the {where} names {unknown[0]!r}, which is no class; they are {', '.join(classes)}"
        )
    for name in known:
        if names.count(name) != 1:
            raise ValueError(
                f"the {where} must name class {name!r} once, but does {names.count(name)} times"
            )
    return [names.index(name.strip()) for name in classes]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"costs must be numbers, but one is {cell!r}") from None
