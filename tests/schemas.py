"""Holds the records that commands write to the JSON Schemas that ship with the package."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from rebalance.schemas import schema

FILES = {
    "options.json": "options",
    "decision.json": "decision",
    "metrics.json": "metrics",
    "study.json": "study",
    "advice.json": "advice",
}


@cache
def validator(name: str) -> Draft202012Validator:
    """What checks a record against a schema by its name."""
    return Draft202012Validator(schema(name))


def faults(name: str, record: Any) -> list[str]:
    """What is wrong with a record, and where; nothing if it is valid."""
    return [f"{each.json_path}: {each.message}" for each in validator(name).iter_errors(record)]


def records_at(output: Path) -> dict[Path, str]:
    """The records of a manifest, a run, a study or advice at ``output``, and the schema of each."""
    if output.suffix == ".csv":
        found = {output.with_suffix(".json"): "manifest"}
    else:
        found = {output / file: name for file, name in FILES.items()}
    return {path: name for path, name in found.items() if path.is_file()}


def check_records(output: Path) -> int:
    """Hold every record at ``output`` to its schema; how many there are."""
    found = records_at(output)
    for path, name in found.items():
        wrong = faults(name, json.loads(path.read_bytes()))
        assert not wrong, f"{path}: {wrong}"
    return len(found)
