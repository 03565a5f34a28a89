"""Notes of the cache: JSON objects with a checksum, so that a damaged one counts as missing.

Imports the standard library and nothing heavier.
"""

import json
from pathlib import Path
from typing import Any
from zlib import crc32

from rebalance.atomic import make_folder, replacing
from rebalance.errors import OutputError
from rebalance.reading import read_object


def read_note(path: Path) -> dict[str, Any]:
    """Read what ``keep_note`` kept; it is empty if the file is missing or damaged.

    A file of an early version, which has no checksum, counts as missing too: it is made again in a
    moment.
    """
    try:
        found = read_object(path)
    except (OSError, ValueError):
        return {}
    kept = found.get("kept")
    return kept if isinstance(kept, dict) and found.get("checksum") == _checksum(kept) else {}


def keep_note(path: Path, kept: dict[str, Any]) -> None:
    """Write a JSON object. Raises OutputError where the system refuses."""
    make_cache_folder(path.parent)
    with replacing(path) as (partial,):
        record = {"checksum": _checksum(kept), "kept": kept}
        partial.write_text(json.dumps(record, indent=2), encoding="utf-8")


def make_cache_folder(path: Path) -> None:
    """Make a folder of the cache. Raises OutputError, with how to have the cache elsewhere."""
    try:
        make_folder(path)
    except OutputError as error:
        raise OutputError(f"{error} for the cache, with --cache-dir") from error


def _checksum(kept: dict[str, Any]) -> str:
    return f"{crc32(json.dumps(kept, sort_keys=True).encode()):08x}"
