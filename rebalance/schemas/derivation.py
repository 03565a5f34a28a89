"""How a JSON Schema follows from a type of ``rebalance.records``.

A record is a closed object: a key that its type does not have makes it invalid, but for the types
in ``FURTHER``. May import the standard library only.
"""

import inspect
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from rebalance.records import (
    AdviceRecord,
    ComparisonRecord,
    DecisionRecord,
    ExtractorsRecord,
    InspectionRecord,
    ManifestRecord,
    MetricsRecord,
    RunRecord,
    SourceRecord,
    StoryRecord,
    StudyRecord,
)
from rebalance.records.advice import FORMAT as ADVICE
from rebalance.records.comparison import FORMAT as COMPARISON
from rebalance.records.manifest import FORMAT as MANIFEST
from rebalance.records.manifest import WRITTEN
from rebalance.records.run import FORMAT as RUN
from rebalance.records.study import FORMAT as STUDY
from rebalance.records.study import TOLD

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
# What each schema is called, what it is of, and the version of its format.
ROOTS: dict[str, tuple[str, type, int]] = {
    "manifest": ("M.json: the record of a manifest", ManifestRecord, MANIFEST),
    "options": ("RUN/options.json: what a run was begun with", RunRecord, RUN),
    "decision": ("RUN/decision.json: how a run decides", DecisionRecord, RUN),
    "metrics": ("RUN/metrics.json: how good a run is on its test set", MetricsRecord, RUN),
    "study": ("study.json: what a study came to", StudyRecord, STUDY),
    "inspection": ("The output of rebalance inspect --json", InspectionRecord, 1),
    "advice": ("advice.json: what to do with a folder of images, and why", AdviceRecord, ADVICE),
    "extractors": ("The output of rebalance extractors --json", ExtractorsRecord, 1),
    "comparison": (
        "The output of rebalance extractors --compare --json",
        ComparisonRecord,
        COMPARISON,
    ),
}
# A reader finds any key absent, a writer leaves none of these out.
REQUIRED: dict[type, frozenset[str]] = {ManifestRecord: WRITTEN, StoryRecord: TOLD}
# What a key may hold that the type does not have.
FURTHER: dict[type, Any] = {SourceRecord: True, MetricsRecord: {"type": ["number", "null"]}}


def derive(name: str) -> dict[str, Any]:
    """The schema called ``name``, one of ``ROOTS``, as a JSON object.

    >>> derive("decision")["$ref"]
    '#/$defs/DecisionRecord'
    """
    title, root, number = ROOTS[name]
    types = sorted(_reached(root, []), key=lambda each: each.__name__)
    return {
        "$schema": DIALECT,
        "$id": f"urn:rebalance:{name}:{number}",
        "title": title,
        "description": described(root),
        "$ref": _reference(root),
        "$defs": {each.__name__: _object(each) for each in types},
    }


def described(record: type) -> str:
    """Return what a record's own docstring says, without its line breaks."""
    return " ".join((inspect.getdoc(record) or "").split())


def _reached(record: type, found: list[type]) -> list[type]:
    """A type, and every other that is in it at any depth."""
    if record not in found:
        found.append(record)
        for hint in get_type_hints(record).values():
            for inner in _records_in(hint):
                _reached(inner, found)
    return found


def _records_in(hint: Any) -> Iterator[type]:
    if is_typeddict(hint):
        yield hint
    for inner in get_args(hint):
        yield from _records_in(inner)


def _object(record: type) -> dict[str, Any]:
    hints = get_type_hints(record, include_extras=True)
    own: frozenset[str] = record.__required_keys__  # type: ignore[attr-defined]
    required = REQUIRED.get(record, own)
    return {
        "description": described(record),
        "type": "object",
        "properties": {key: _property(hint) for key, hint in hints.items()},
        "required": [key for key in hints if key in required],
        "additionalProperties": FURTHER.get(record, False),
    }


def _property(hint: Any) -> dict[str, Any]:
    """A key's schema: what it means, and what it may hold."""
    if get_origin(hint) is not Annotated:
        raise TypeError(f"a key of a record needs a sentence that describes it: {hint}")
    inner, sentence = get_args(hint)
    return {"description": sentence, **_values(inner)}


def _values(hint: Any) -> dict[str, Any]:
    if hint is Any:
        return {}
    if hint in PLAIN:
        return {"type": PLAIN[hint]}
    if is_typeddict(hint):
        return {"$ref": _reference(hint)}
    origin, inner = get_origin(hint), get_args(hint)
    if origin is list:
        return {"type": "array", "items": _values(inner[0])}
    if origin is tuple:
        items = [_values(each) for each in inner]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _values(inner[1])}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, UnionType):
        return {"anyOf": [_values(each) for each in inner]}
    raise TypeError(f"no JSON Schema is known for {hint}")


def _reference(record: type) -> str:
    return f"#/$defs/{record.__name__}"
