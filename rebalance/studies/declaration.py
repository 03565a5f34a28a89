"""STUDY.toml, read and checked: every error names the file and the key.

May not import torch or click.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from rebalance.errors import RebalanceError, SettingError, choose, meant, shown, some
from rebalance.models.pretrained import is_path
from rebalance.reading import beside, is_regular_file
from rebalance.settings import (
    OF_FILES,
    ExtractorOptions,
    StudyOptions,
    TrainOptions,
    keys_of,
)
from rebalance.settings.numbers import Range, check_number
from rebalance.settings.option import Options, converted, declared, kind_of
from rebalance.settings.study import MOST_SEEDS
from rebalance.studies.axes import AXES, combinations
from rebalance.studies.images import keyed
from rebalance.studies.outcomes import Treatment
from rebalance.studies.plan import Definition, Plan, with_controls

# The same under two names: in the standard library from Python 3.11 on.
tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

SECTIONS = ("study", "extractor", "training", "grid", "cell")
SHAPES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
MOST_CELLS = 1_000_000


def read_study(
    path: Path | str, *, data: Path | str | None = None, test: Path | str | None = None
) -> Plan:
    """The study that a TOML file declares; ``data`` and ``test`` take the place of its own.

    Paths in the file are relative to it. Raises SettingError, naming the file and the key, for
    whatever is unknown, missing or impossible.
    """
    path = Path(path)
    tables = _parse(path)
    try:
        _known("section", tables, SECTIONS)
        given = {"data": data, "test": test}
        options = _options(tables, path.parent, given)
        treatments = _treatments(tables, options, path.parent)
        treatments, controls = with_controls(treatments, options.depth)
        _check_cells(len(treatments), options)
    except RebalanceError as error:
        raise SettingError(f"{str(path)!r}: {keyed(str(error))}") from None
    return Plan(path, options, treatments, controls)


def _check_cells(treatments: int, options: StudyOptions) -> None:
    cells = treatments * len(options.seeds) * options.folds
    if cells > MOST_CELLS:
        raise SettingError(
            f"{treatments} treatments, {len(options.seeds)} seeds and {options.folds} folds make "
            f"{cells} cells, and at most {MOST_CELLS} can be: give fewer"
        )


def _parse(path: Path) -> dict[str, Any]:
    if not is_regular_file(path):
        hint = meant(path.name, beside(path))
        raise SettingError(f"no study at {str(path)!r}: give a TOML file that declares one{hint}")
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{str(path)!r} is not TOML as it must be: {error}") from None
    except RecursionError:
        raise SettingError(f"{str(path)!r} is nested too deeply to be a study") from None
    return found


def _known(what: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise SettingError(f"no {what} {shown(key)}: {choose(key, known)}")


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = tables.get(name, {})
    if not isinstance(found, dict):
        raise SettingError(f"[{name}] must be a table; got {shown(found)}")
    return found


def read_section(section: str, options: type[Options], table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a section. Raises SettingError for a key that its options have not declared
    for studies, and for a value of another type.
    """
    _known(f"key in [{section}]", table, keys_of(options))
    for key, value in table.items():
        found, _ = declared(options)[key]
        kind = kind_of(found.type)
        kind = str if kind is Path else kind
        right = (int, float) if kind is float else kind
        # Lists are looked at by whoever reads them.
        if kind in SHAPES and (
            not isinstance(value, right) or isinstance(value, bool) != (kind is bool)
        ):
            raise SettingError(f"{section}.{key} must be {SHAPES[kind]}; got {shown(value)}")
    return dict(table)


def _options(
    tables: Mapping[str, Any], folder: Path, given: Mapping[str, Path | str | None]
) -> StudyOptions:
    study = read_section("study", StudyOptions, _table(tables, "study"))
    for key in ("data", "test", "groups", "test_features", "test_names"):
        if key in study:
            study[key] = folder / study[key]
    study |= {key: Path(value) for key, value in given.items() if value is not None}
    if "group_column" in study and "groups" not in study:
        raise SettingError("study.group_column is a column of study.groups: give that too")
    if "data" not in study:
        raise SettingError("study.data is needed: the folder of images, or a manifest")
    if "seeds" in study:
        study["seeds"] = _seeds(study["seeds"])
    if "extensions" in study:
        found, told = declared(StudyOptions)["extensions"]
        study["extensions"] = converted(study["extensions"], found, told)
    if "metric" in study:
        _check_metric(study["metric"])
    return StudyOptions(
        **study,
        extractor=_extractor(_table(tables, "extractor"), folder),
        training=_training(_table(tables, "training"), folder),
    )


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, list):
        _check_seeds(len(value))
        return tuple(value)
    _check_seeds(value)
    return tuple(range(value))


def _check_seeds(number: Any) -> None:
    what = "study.seeds must be a list of seeds, or"
    check_number(what, number, int, Range(least=1, most=MOST_SEEDS))


def _check_metric(name: str) -> None:
    _, metric = declared(StudyOptions)["metric"]
    if name not in metric.known:
        raise SettingError(f"study.metric: no {shown(name)}, {choose(name, metric.known)}")


def _extractor(table: Mapping[str, Any], folder: Path) -> ExtractorOptions:
    given = read_section("extractor", ExtractorOptions, table)
    given |= {key: str(folder / given[key]) for key in OF_FILES if key in given}
    found = ExtractorOptions(**given)
    if found.features is not None:
        return found
    return replace(
        found,
        extractor=_file(found.extractor, folder),
        init=_file(found.init, folder),
        weights=None if found.weights is None else folder / found.weights,
    )


def _training(table: Mapping[str, Any], folder: Path) -> TrainOptions:
    known = declared(TrainOptions)
    given = read_section("training", TrainOptions, table)
    found = TrainOptions(**{key: converted(each, *known[key]) for key, each in given.items()})
    if found.weights is None:
        return found
    return replace(found, weights=_file(found.weights, folder))


def _file(value: str, folder: Path) -> str:
    return str(folder / value) if is_path(value) else value


def _treatments(
    tables: Mapping[str, Any], options: StudyOptions, folder: Path
) -> dict[Treatment, Definition]:
    lines = [("grid", _table(tables, "grid"))]
    cells = tables.get("cell", [])
    if not isinstance(cells, list):
        raise SettingError("a single cell is a table of its own: write [[cell]]")
    lines += [(f"cell {number}", cell) for number, cell in enumerate(cells, start=1)]
    treatments: dict[Treatment, Definition] = {}
    for where, line in lines:
        if not isinstance(line, dict):
            raise SettingError(f"{where} must be a table; got {shown(line)}")
        _known(f"key in {where}", line, AXES)
        for treatment, definition in combinations(where, line, options, folder).items():
            if treatments.setdefault(treatment, definition) != definition:
                names = some(astuple(treatment), quoted=False)
                raise SettingError(f"{where}: {names} is there already, and is another one")
    if not treatments:
        raise SettingError("a study needs treatments: give [grid] rebalance = [...], or a [[cell]]")
    return treatments
