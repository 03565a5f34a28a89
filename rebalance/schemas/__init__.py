"""JSON Schemas of the records that rebalance writes, so that others can rely on them.

They ship with the package, one ``NAME.schema.json`` each, and are derived from the types in
``rebalance.records``. May import the standard library only.
"""

import json
from pathlib import Path
from typing import Any

from rebalance.errors import SettingError, choose

NAMES = (
    *("manifest", "options", "decision", "metrics"),
    *("study", "inspection", "advice", "extractors", "comparison"),
)

__all__ = ["NAMES", "schema", "schema_path"]


def schema_path(name: str) -> Path:
    """The file of one of ``NAMES``. Raises SettingError for another name.

    >>> schema_path("manifest").name
    'manifest.schema.json'
    """
    if name not in NAMES:
        raise SettingError(f"no schema {name!r}: {choose(name, NAMES)}")
    return Path(__file__).with_name(f"{name}.schema.json")


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) called ``name``, for any validator to use.

    ``manifest`` is that of M.json; ``options``, ``decision`` and ``metrics`` are those of a run's
    files; ``study`` is that of study.json; ``inspection`` is that of ``inspect --json``;
    ``advice`` is that of advice.json; ``extractors`` is that of ``extractors --json``, and
    ``comparison`` that with ``--compare``. Raises SettingError for another name.

    >>> schema("manifest")["$id"]
    'urn:rebalance:manifest:1'
    """
    found: dict[str, Any] = json.loads(schema_path(name).read_text(encoding="utf-8"))
    return found
