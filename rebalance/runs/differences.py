"""In which options two runs differ, as messages name them. Imports nothing heavy."""

import json
from collections.abc import Iterator
from typing import Any

from rebalance.errors import shortened

ABSENT = "absent"  # what an option is called that only one of two runs has


def differences(before: Any, now: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the options whose values differ: their dotted name, and both values as JSON.

    >>> from rebalance.runs.differences import differences
    >>> list(differences({"recipe": {"lr": 0.1}}, {"recipe": {"lr": 0.2}}))
    [('recipe.lr', '0.1', '0.2')]
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            inner = f"{name}.{key}" if name else key
            yield from differences(before.get(key, ...), now.get(key, ...), inner)
    elif before != now:
        yield name, _shown(before), _shown(now)


def _shown(value: Any) -> str:
    return ABSENT if value is ... else shortened(json.dumps(value, ensure_ascii=False))
