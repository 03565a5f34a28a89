"""What mistakes cost: a matrix read from a table, checked, and the class of least expected cost.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import DataError, MetricError, SettingError, shown, some
from rebalance.metrics.arrays import as_probabilities
from rebalance.tables import Grid, number, read_grids, same_text, tell

EXAMPLE = """\
A matrix of costs as a CSV, for --loss cost --loss-option matrix=FILE and --threshold cost:FILE
(or search in place of FILE: costs of the classes are searched on validation images).
A row for each class that may be predicted, a column for each true one; here a dog that is
taken for a cat costs 9, a cat that is taken for a dog 1. Without names, in class order.

predicted,cat,dog
cat,0,9
dog,1,0
"""


def read_cost_matrix(path: Path | str, classes: Sequence[str]) -> list[list[float]]:
    """cost[predicted][true] [K][K], both in the order of ``classes``.

    The table has a row per predicted and a column per true class, in one of two forms, told apart
    by their size: K × K numbers in class order; or with one row and one column more, which name the
    true and the predicted classes in any order, or count both from 0. The cell in the corner may
    hold anything. Cells are divided by whichever sign makes a matrix of them, and where that is no
    comma, numbers may have a decimal comma.

    Raises SettingError for a file that is neither, a cell that is no number, a name that is
    missing, unknown or there twice, and a matrix that ``check_cost`` refuses.
    """
    path = Path(path)
    try:
        grids, notes = read_grids(path, "no cost matrix")
    except DataError as error:
        raise SettingError(str(error)) from None
    faults: list[str] = []
    for grid in grids:
        try:
            matrix = _matrix(grid, classes)
        except (ValueError, MetricError) as error:
            told = error.named(classes) if isinstance(error, MetricError) else error
            # The sign that makes as many cells as are needed is meant, or else the comma.
            is_meant = len(grid.rows) > 1 and {len(row) for row in grid.rows} == {len(grid.rows)}
            faults.insert(0 if is_meant else len(faults), str(told))
        else:
            tell(path, (*notes, *grid.notes))
            return matrix
    raise SettingError(f"{str(path)!r}: {faults[0]}")


def _matrix(grid: Grid, classes: Sequence[str]) -> list[list[float]]:
    """The costs in class order; ValueError or MetricError where there are none."""
    if grid.error:
        raise ValueError(f"cannot be read as CSV: {grid.error}")
    rows = grid.rows
    size = {len(row) for row in rows} | {len(rows)}
    if size == {len(classes) + 1}:
        rows = _in_class_order(rows, classes)
    elif size != {len(classes)}:
        widths = some(sorted({len(row) for row in rows})) or "no"
        raise ValueError(
            f"{len(classes)} classes need as many rows and columns of costs, or one more of "
            f"each with their names, but there are {len(rows)} rows of {widths} cells"
        )
    matrix = [[_number(cell) for cell in row] for row in rows]
    check_cost(matrix, len(classes))
    return matrix


def cost_decision(probabilities: ArrayLike, cost: ArrayLike) -> NDArray[np.intp]:
    """argmin_i Σ_j cost[i][j] · p_j, the class [N] of least expected cost (Elkan 2001).

    cost: [K, K], by predicted (row) and true class (column). A tie goes to the lower class index.
    MetricError for a matrix that ``check_cost`` refuses.

    >>> from rebalance.scoring import cost_decision
    >>> cost_decision([[0.95, 0.05], [0.7, 0.3]], [[0, 9], [1, 0]]).tolist()
    [0, 1]
    """
    values = as_probabilities(probabilities)
    costs = check_cost(cost, values.shape[1])
    # Against the dearest mistake, rather than against zero: where cost depends on the true class
    # alone each sum has one term, and rounding can neither make a tie nor break one.
    savings = costs.max(axis=0) - costs
    decided: NDArray[np.intp] = (values @ savings.T).argmax(axis=1)
    return decided


def cost_threshold(cost: ArrayLike) -> float:
    """For two classes, p* = c10 / (c10 + c01): class 1 is decided on where p_1 is above it.

    MetricError for a matrix that is not 2 × 2 or that ``check_cost`` refuses.

    >>> from rebalance.scoring import cost_threshold
    >>> cost_threshold([[0, 9], [1, 0]])
    0.1
    """
    costs = check_cost(cost, 2)
    return float(costs[1, 0] / (costs[1, 0] + costs[0, 1]))


def check_cost(cost: ArrayLike, classes: int) -> NDArray[np.float64]:
    """A cost matrix [K, K] by predicted and true class, in double precision.

    MetricError for another shape, a cost that is negative or not finite, a right answer that costs
    something, and a class that costs nothing whatever is predicted.

    >>> from rebalance.scoring import check_cost
    >>> check_cost([[0, 9], [1, 0]], 2).tolist()
    [[0.0, 9.0], [1.0, 0.0]]
    """
    costs = np.asarray(cost, dtype=np.float64)
    needed = f"a cost matrix needs {classes} rows (predicted) and columns (true)"
    if costs.shape != (classes, classes):
        raise MetricError(f"{needed}, but has the shape {costs.shape}")
    impossible = ~np.isfinite(costs) | (costs < 0)
    if impossible.any():
        raise MetricError(f"{needed} of finite costs from 0 up, but one is {costs[impossible][0]}")
    if costs.diagonal().any():
        label = int(np.argmax(costs.diagonal() != 0))
        raise MetricError(
            f"{needed} with a diagonal of zeros, but to be right about class {label} costs "
            f"{costs[label, label]:g}",
            label,
        )
    if not costs.any(axis=0).all():
        label = int(np.argmin(costs.any(axis=0)))
        raise MetricError(
            f"{needed} with a cost in each column, but mistakes about class {label} cost nothing",
            label,
        )
    return costs


def places(names: Sequence[str], classes: Sequence[str], where: str) -> list[int]:
    """Return where in ``names`` each class stands; ValueError unless each does, once.

    where: what names them, for the error.

    >>> from rebalance.scoring.costs import places
    >>> places(["dog", "cat"], ["cat", "dog"], "first row")
    [1, 0]
    """
    known = [same_text(name) for name in classes]
    found = [same_text(name) for name in names]
    unknown = [name for name, text in zip(names, found, strict=True) if text not in known]
    if unknown:
        raise ValueError(
            f"the {where} names {shown(unknown[0])}, which is no class; they are "
            f"{some(classes, quoted=False)}"
        )
    for name, text in zip(classes, known, strict=True):
        if found.count(text) != 1:
            raise ValueError(
                f"the {where} must name class {name!r} once, but does {found.count(text)} times"
            )
    return [found.index(text) for text in known]


def _in_class_order(rows: list[list[str]], classes: Sequence[str]) -> list[list[str]]:
    """The cells without their names, rows and columns in the order of ``classes``."""
    across, down = rows[0][1:], [row[0] for row in rows[1:]]
    if across == down == [str(number) for number in range(len(classes))] != list(classes):
        return [row[1:] for row in rows[1:]]  # as pandas counts what has no name
    columns = places(across, classes, "first row")
    lines = places(down, classes, "first column")
    return [[rows[1 + line][1 + column] for column in columns] for line in lines]


def _number(cell: str) -> float:
    try:
        value = number(cell)
    except ValueError as error:
        raise ValueError(f"costs must be numbers, but one is {error}") from None
    if value is None:
        raise ValueError(f"costs must be numbers, but one is {shown(cell)}")
    return value
