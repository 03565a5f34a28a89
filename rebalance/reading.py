"""Files that somebody else wrote, or damaged, opened in a way that neither waits nor stumbles.

Every reader here raises OSError where the system refuses, ValueError for content that cannot be
what is looked for, and nothing else. Imports the standard library and nothing else.
"""

import json
import math
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

LARGEST = 2**31  # bytes of a file that is read as a whole
DEEPEST = 100  # brackets within brackets, far from where Python's own recursion ends
FEW = 1000  # names of a folder that one is looked for among
LONGEST = 20  # digits of a whole number: what 64 bits hold


def is_regular_file(path: Path) -> bool:
    """Tell whether ``path`` is a file that can be read to its end; links are followed.

    A pipe is none, since opening one would wait for its writer, and neither is a device. A name
    that the system takes for none, as one too long, is no file.
    """
    try:
        return path.is_file()
    except OSError:
        return False


def beside(path: Path) -> list[str]:
    """Return names of what lies beside ``path``, of very many some; none where that cannot be told.

    >>> import rebalance
    >>> "errors.py" in beside(Path(rebalance.__file__)), beside(Path("/nowhere/at/all"))
    (True, [])
    """
    with suppress(OSError, ValueError):
        return [each.name for each in islice(path.parent.iterdir(), FEW) if each.name != path.name]
    return []


def check_regular(path: Path, largest: int | None = None) -> None:
    """Raise OSError where there is nothing at ``path``, ValueError unless it is a regular file.

    largest: bytes that the file may have; None is any number.
    """
    size = path.stat().st_size
    if not is_regular_file(path):
        raise ValueError("it is no regular file")
    if largest is not None and size > largest:
        raise ValueError(f"it has {size} bytes, and {largest} at most are expected")


def read_whole(path: Path, largest: int = LARGEST) -> bytes:
    """Read a regular file of at most ``largest`` bytes."""
    check_regular(path, largest)
    try:
        return path.read_bytes()
    except MemoryError:
        raise ValueError("there is not enough memory for it") from None


def read_json(path: Path, largest: int = LARGEST) -> Any:
    """Read a file of JSON, as ``parse_json`` takes it."""
    return parse_json(read_whole(path, largest))


def parse_json(content: bytes | str) -> Any:
    """Parse JSON as its standard has it, of numbers and a depth that can be worked with.

    NaN and infinite numbers are no JSON, and rebalance writes none. Raises ValueError.
    """
    try:
        found = json.loads(
            content, parse_int=_whole_number, parse_float=_number, parse_constant=_number
        )
    except (RecursionError, MemoryError):
        raise ValueError("its brackets nest too deeply, or it is too large") from None
    if _depth(found) > DEEPEST:
        raise ValueError("its brackets nest too deeply")
    return found


def read_object(path: Path, largest: int = LARGEST) -> dict[str, Any]:
    """Read a file of JSON that is an object."""
    found = read_json(path, largest)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _whole_number(text: str) -> int:
    if len(text) > LONGEST:
        raise ValueError(f"a whole number has {len(text)} digits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:LONGEST]} is no number that JSON or a computer has")
    return number


def _depth(found: Any) -> int:
    """Count how deeply lists and objects nest, level by level, so that no depth is too much."""
    level, depth = [found], 0
    while level := [each for each in level if isinstance(each, (dict, list))]:
        depth += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
    return depth
