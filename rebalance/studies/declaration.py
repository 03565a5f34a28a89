"""STUDY.toml, read and checked: every error names the file and the key.

May not import torch or click.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from rebalance.errors import RebalanceError, SettingError
from rebalance.settings import (
    EXTRACTOR_KEYS,
    TRAINING_KEYS,
    ExtractorOptions,
    StudyOptions,
    TrainOptions,
)
from rebalance.studies.axes import AXES, combinations
from rebalance.studies.outcomes import Treatment
from rebalance.studies.plan import Definition, Plan, with_controls

# The same under two names: in the standard library from Python 3.11 on.
tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

Value = TypeVar("Value")

SECTIONS = ("study", "extractor", "training", "grid", "cell")
STUDY_KEYS = ("data", "test", "depth", "seeds", "folds", "groups", "metric")
SHAPES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
EXTRACTORS = ("imagenet", "finetune")
WEIGHTS = ("imagenet", "scratch")


def read_study(
    path: Path | str, *, data: Path | str | None = None, test: Path | str | None = None
) -> Plan:
    """The study that a TOML file declares; ``data`` and ``test`` take the place of its own.

    Paths in the file are relative to it. Raises SettingError, naming the file and the key, for
    whatever is unknown, missing or impossible.
    """
    path = Path(path)
    declared = _parse(path)
    try:
        _known("section", declared, SECTIONS)
        given = {"data": data, "test": test}
        options = _options(declared, path.parent, given)
        treatments = _treatments(declared, options.depth, path.parent)
        treatments, controls = with_controls(treatments, options.depth)
    except RebalanceError as error:
        raise SettingError(f"{str(path)!r}: {error}") from None
    return Plan(path, options, treatments, controls)


def _parse(path: Path) -> dict[str, Any]:
    if not path.is_file():  # opening a pipe would wait for its writer
        raise SettingError(f"no study at {str(path)!r}: give a TOML file that declares one")
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{str(path)!r} is not TOML as it must be: {error}") from None
    return found


def _known(what: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise SettingError(f"no {what} {key!r}: choose from {', '.join(known)}")


def _table(declared: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = declared.get(name, {})
    if not isinstance(found, dict):
        raise SettingError(f"[{name}] must be a table; got {found!r}")
    return found


def _take(table: Mapping[str, Any], section: str, key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    right = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    if not right and value is not default:
        raise SettingError(f"{section}.{key} must be {SHAPES[kind]}; got {value!r}")
    return value


def _options(
    declared: Mapping[str, Any], folder: Path, given: Mapping[str, Path | str | None]
) -> StudyOptions:
    study = _table(declared, "study")
    _known("key in [study]", study, STUDY_KEYS)
    paths = {
        key: None if value is None else folder / value
        for key in ("data", "test", "groups")
        for value in [_take(study, "study", key, str, None)]
    }
    paths |= {key: Path(value) for key, value in given.items() if value is not None}
    if paths["data"] is None:
        raise SettingError("study.data is needed: the folder of images, or a manifest")
    return StudyOptions(
        paths["data"],
        paths["test"],
        _take(study, "study", "depth", str, StudyOptions.depth),
        _seeds(study.get("seeds", list(StudyOptions.seeds))),
        _take(study, "study", "folds", int, StudyOptions.folds),
        paths["groups"],
        _metric(_take(study, "study", "metric", str, StudyOptions.metric)),
        _extractor(_table(declared, "extractor"), folder),
        _training(_table(declared, "training"), folder),
    )


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool):
        return tuple(range(value))
    if isinstance(value, list):
        return tuple(value)
    raise SettingError(f"study.seeds must be a number of seeds, or a list of them; got {value!r}")


def _metric(name: str) -> str:
    from rebalance.metrics import METRICS

    if name not in METRICS:
        raise SettingError(f"study.metric: no {name!r}, choose one of {', '.join(METRICS)}")
    return name


def _extractor(table: Mapping[str, Any], folder: Path) -> ExtractorOptions:
    _known("key in [extractor]", table, EXTRACTOR_KEYS)
    found = _section("extractor", ExtractorOptions, table)
    if found.extractor == "finetune":
        raise SettingError(
            "extractor.extractor: finetune would learn from the images that a fold is validated "
            "on; give imagenet, or the path of a checkpoint that has not seen them"
        )
    return replace(found, extractor=_file(found.extractor, EXTRACTORS, folder))


def _training(table: Mapping[str, Any], folder: Path) -> TrainOptions:
    _known("key in [training]", table, TRAINING_KEYS)
    found = _section("training", TrainOptions, table)
    if found.weights is None:
        return found
    return replace(found, weights=_file(found.weights, WEIGHTS, folder))


def _section(name: str, options: Callable[..., Value], table: Mapping[str, Any]) -> Value:
    kinds = {"epochs": int, "batch_size": int, "image_size": int, "grad_accum": int, "lr": float}
    for key, value in table.items():
        kind = kinds.get(key, str)
        right = (int, float) if kind is float else kind
        if not isinstance(value, right) or isinstance(value, bool):
            raise SettingError(f"{name}.{key} must be {SHAPES[kind]}; got {value!r}")
    return options(**table)


def _file(value: str, words: Sequence[str], folder: Path) -> str:
    return value if value in words else str(folder / value)


def _treatments(
    declared: Mapping[str, Any], depth: str, folder: Path
) -> dict[Treatment, Definition]:
    lines = [("grid", _table(declared, "grid"))]
    cells = declared.get("cell", [])
    if not isinstance(cells, list):
        raise SettingError("a single cell is a table of its own: write [[cell]]")
    lines += [(f"cell {number}", cell) for number, cell in enumerate(cells, start=1)]
    treatments: dict[Treatment, Definition] = {}
    for where, line in lines:
        if not isinstance(line, dict):
            raise SettingError(f"{where} must be a table; got {line!r}")
        _known(f"key in {where}", line, AXES)
        for treatment, definition in combinations(where, line, depth, folder).items():
            if treatments.setdefault(treatment, definition) != definition:
                raise SettingError(f"{where}: {treatment} is there already, and is another one")
    if not treatments:
        raise SettingError("a study needs treatments: give [grid] rebalance = [...], or a [[cell]]")
    return treatments
