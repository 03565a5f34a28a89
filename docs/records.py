"""Writes the JSON Schemas in ``rebalance/schemas`` and docs/records.md anew, from the types."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rebalance.schemas import NAMES, schema_path
from rebalance.schemas.derivation import derive

PAGE = Path(__file__).with_name("records.md")
HEAD = """\
# Records

Beside its tables, `rebalance` writes JSON: `M.json` with every manifest, `options.json`,
`decision.json` and `metrics.json` in the folder of a run, `study.json` with the results of a study,
and `advice.json` with what `rebalance advise` came to; `inspect` and `extractors` print theirs.
Each has a [JSON Schema](https://json-schema.org) that ships with the package, and the tests hold
what the commands write against it.

```python
import json
import jsonschema
import rebalance.schemas

with open("M.json") as file:
    jsonschema.validate(json.load(file), rebalance.schemas.schema("manifest"))
```

In Python the same records are typed: `rebalance.read_manifest("M.csv").record` is a
`rebalance.records.ManifestRecord`.

A record with a `format` says by it which version it is of; so far there is format 1 only, and a
reader refuses a later one. A key is never given another meaning within a format, and an object
has no other keys than those listed, unless its words say so. `?` marks a key that may be absent.
What `options` hold by name are the options of the command, as its help explains them.

This page and the schemas are written by `python docs/records.py`, from the types in
`rebalance/records`.
"""


def as_text(schema: Mapping[str, Any]) -> str:
    """A schema as its file has it."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def page() -> str:
    """The text of docs/records.md."""
    return "\n".join([HEAD, *(line for name in NAMES for line in _section(name))])


def _section(name: str) -> Iterator[str]:
    found = derive(name)
    root = found["$ref"].rpartition("/")[2]
    yield f"## {found['title']}\n"
    yield f"Schema `{name}`, `{found['$id']}`.\n"
    for record in (root, *(each for each in found["$defs"] if each != root)):
        yield from _table(record, found["$defs"][record])


def _table(name: str, record: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{record['description']}\n"
    yield "| key | holds | meaning |"
    yield "|---|---|---|"
    for key, values in record["properties"].items():
        mark = "" if key in record["required"] else "?"
        yield f"| `{key}`{mark} | {_holds(values)} | {values['description']} |"
    yield ""


def _holds(values: Mapping[str, Any]) -> str:
    """What a key holds, in words."""
    if "$ref" in values:
        return values["$ref"].rpartition("/")[2]
    if "anyOf" in values:
        return " or ".join(map(_holds, values["anyOf"]))
    if "enum" in values:
        return " or ".join(map(str, values["enum"]))
    if "prefixItems" in values:
        return "array of " + ", ".join(map(_holds, values["prefixItems"]))
    if values.get("type") == "array":
        return f"array of {_holds(values['items'])}"
    if values.get("type") == "object":
        return f"object of {_holds(values['additionalProperties'])}"
    return values.get("type", "anything")


if __name__ == "__main__":
    for each in NAMES:
        schema_path(each).write_text(as_text(derive(each)), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
