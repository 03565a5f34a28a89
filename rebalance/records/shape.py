"""Whether what was read from a file has the shape of a record, and where it has not."""

import math
from collections.abc import Iterable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from rebalance.errors import shortened

NAMES: dict[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    NoneType: "null",
    list: "a list",
    dict: "an object",
}


def misfit(found: Any, wanted: Any, place: str = "it") -> str | None:
    """Say where ``found``, as JSON gives it, is not as the type ``wanted`` has it; None if it is.

    wanted: a record, or any type that a record's key has. A key that a record does not know is
    passed over, since a later version may know it. place: what ``found`` is called.

    >>> from rebalance.records import ClassScores
    >>> misfit({"precision": 1, "recall": None, "f1": 0.5, "support": "3"}, ClassScores, "cat")
    "cat.support is '3', and a whole number is needed"
    """
    if wanted is Any:
        return None
    if is_typeddict(wanted):
        return _misfit_of_record(found, wanted, place)
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        faults = [misfit(found, each, place) for each in inner]
        return None if None in faults else faults[0]
    if origin is Literal:
        # Python takes True for 1, and JSON does not.
        known = any(found == each and (found is True) == (each is True) for each in inner)
        return None if known else _told(place, f"{inner[0]!r}", found)
    if origin is list and isinstance(found, list):
        return _first(misfit(each, inner[0], f"{place}[{n}]") for n, each in enumerate(found))
    if origin is tuple and isinstance(found, list) and len(found) == len(inner):
        pairs = enumerate(zip(found, inner, strict=True))
        return _first(misfit(each, own, f"{place}[{n}]") for n, (each, own) in pairs)
    if origin is tuple:
        return _told(place, f"a list of {len(inner)}", found)
    if origin is dict and isinstance(found, dict):
        return _first(misfit(each, inner[1], f"{place}.{key}") for key, each in found.items())
    plain = origin or wanted
    return None if origin is None and _is(found, plain) else _told(place, NAMES[plain], found)


def _misfit_of_record(found: Any, wanted: Any, place: str) -> str | None:
    if not isinstance(found, dict):
        return _told(place, NAMES[dict], found)
    hints = _hints(wanted)
    for key in sorted(wanted.__required_keys__):
        if key not in found:
            return f"{place} lacks {key!r}"
    known = ((key, found[key]) for key in hints if key in found)
    return _first(misfit(each, hints[key], f"{place}.{key}") for key, each in known)


@cache
def _hints(wanted: Any) -> dict[str, Any]:
    return get_type_hints(wanted)


def _is(found: Any, plain: Any) -> bool:
    """Tell whether a value is of one of JSON's plain types; true and false are no numbers."""
    if plain is float:
        return type(found) in (int, float) and math.isfinite(found)
    return type(found) is plain


def _first(faults: Iterable[str | None]) -> str | None:
    return next((fault for fault in faults if fault is not None), None)


def _told(place: str, wanted: str, found: Any) -> str:
    text = repr(found)
    return f"{place} is {shortened(text, 60)}, and {wanted} is needed"
