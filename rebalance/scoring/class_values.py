"""What a loss is told of each class by itself: weights by the classes' names, costs of mistakes.

Imports numpy and nothing heavier; may not import torch or click.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rebalance.errors import DataError, SettingError, shown
from rebalance.losses.arguments import BY_CLASS, is_searched, says_of_each_class
from rebalance.scoring.costs import places, read_cost_matrix
from rebalance.tables import Grid, number, read_grids, tell

Pairs = Sequence[tuple[str, Any]]


def with_class_values(options: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Return a loss's options, what they say of classes by name or in a file in class order.

    Raises SettingError as ``read_cost_matrix`` and ``read_class_values`` do.

    >>> from rebalance.scoring.class_values import with_class_values
    >>> with_class_values({"alpha": "dog=4,cat=0.5", "gamma": 2}, ["cat", "dog"])
    {'alpha': [0.5, 4.0], 'gamma': 2}
    """
    return {
        name: READERS[name](value, classes)
        if says_of_each_class(name, value) and not is_searched(name, value)
        else value
        for name, value in options.items()
    }


def with_files_in(options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a loss's options, the files that they name taken to lie in ``folder``.

    >>> from pathlib import Path
    >>> from rebalance.scoring.class_values import with_files_in
    >>> with_files_in({"matrix": "costs.csv", "gamma": 2}, Path("here"))
    {'matrix': 'here/costs.csv', 'gamma': 2}
    """
    return {
        name: str(folder / value) if _names_a_file(name, value) else value
        for name, value in options.items()
    }


def _names_a_file(name: str, value: Any) -> bool:
    told = says_of_each_class(name, value) and not is_searched(name, value)
    return told and isinstance(value, str) and "=" not in value


def read_class_values(value: Any, classes: Sequence[str]) -> list[float]:
    """Return a number for each class, in class order.

    value: names and numbers, as a mapping, as pairs, as the text ``NAME=NUMBER,...`` (a part with a
    comma in double quotes), or as the path of a table with a line ``NAME,NUMBER`` for each class,
    perhaps under a header.

    Raises SettingError for a file or text that is not so, and for a name that is missing, unknown
    or there twice.

    >>> from rebalance.scoring.class_values import read_class_values
    >>> read_class_values("dog=4,cat=0.5", ["cat", "dog"])
    [0.5, 4.0]
    """
    if isinstance(value, Mapping):
        return _in_class_order(list(value.items()), classes, "list of alpha")
    if not isinstance(value, str):
        return _in_class_order(value, classes, "list of alpha")
    if "=" in value and not Path(value).is_file():
        return _in_class_order(_listed(value), classes, "list of alpha")
    return _from_file(Path(value), classes)


def _listed(text: str) -> Pairs:
    try:
        parts = [
            part.strip() for line in csv.reader([text], skipinitialspace=True) for part in line
        ]
    except csv.Error as error:
        raise SettingError(f"alpha {shown(text)}: {error}") from None
    pairs = [part.rpartition("=") for part in parts]
    for part, (name, sign, _) in zip(parts, pairs, strict=True):
        if not (name and sign):
            raise SettingError(
                f"alpha is NAME=NUMBER for each class, with commas between; got {shown(part)} in "
                f"{shown(text)}"
            )
    return [(name, found) for name, _, found in pairs]


def _from_file(path: Path, classes: Sequence[str]) -> list[float]:
    try:
        grids, notes = read_grids(path, "no weights of classes")
    except DataError as error:
        raise SettingError(str(error)) from None
    fitting = [grid for grid in grids if not grid.error and {len(row) for row in grid.rows} == {2}]
    if not fitting:
        raise SettingError(
            f"{str(path)!r} must have a line for each class, its name and its weight, such as "
            f"{classes[0]},1"
        )
    grid = fitting[0]
    values = _in_class_order(_body(grid), classes, f"file {str(path)!r}")
    tell(path, (*notes, *grid.notes))
    return values


def _body(grid: Grid) -> Pairs:
    """The lines of a table without its header: a first line whose second cell is no number."""
    pairs = [(name, cell) for name, cell in grid.rows]
    try:
        number(pairs[0][1])
    except ValueError:
        return pairs[1:]
    return pairs


def _in_class_order(pairs: Pairs, classes: Sequence[str], where: str) -> list[float]:
    try:
        found = places([str(name) for name, _ in pairs], classes, where)
        return [_weight(*pairs[place]) for place in found]
    except ValueError as error:
        raise SettingError(str(error)) from None


def _weight(name: str, value: Any) -> float:
    found = number(value) if isinstance(value, str) else value
    if found is None or isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"the weight of class {shown(name)} must be a number, not {shown(value)}")
    return float(found)


READERS: dict[str, Callable[[Any, Sequence[str]], Any]] = {
    "matrix": read_cost_matrix,
    "alpha": read_class_values,
}
assert tuple(READERS) == BY_CLASS
