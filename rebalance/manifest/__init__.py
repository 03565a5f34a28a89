"""The manifest: which images to train on, which were left out and why.

``M.csv`` has one line per sample to train on, ``M.dropped.csv`` one per image left out, and
``M.json`` says how they came about; where classes were clustered on a map of their images,
``M.map.csv`` has it. Originals, dropped and unreadable images together are the folder, always.
Imports neither numpy nor torch, so that any script can afford to read a manifest.
"""

from rebalance.manifest.reading import read_manifest
from rebalance.manifest.rows import (
    COLUMNS,
    DIGITS,
    DROPPED_COLUMNS,
    KINDS,
    MAP_COLUMNS,
    OPTIONAL_COLUMNS,
    Dropped,
    Manifest,
    Place,
    Row,
    companions,
)
from rebalance.manifest.writing import (
    check_output,
    check_writable,
    to_json,
    write_manifest,
)
from rebalance.records.manifest import FORMAT

__all__ = [
    "COLUMNS",
    "DIGITS",
    "DROPPED_COLUMNS",
    "FORMAT",
    "KINDS",
    "MAP_COLUMNS",
    "OPTIONAL_COLUMNS",
    "Dropped",
    "Manifest",
    "Place",
    "Row",
    "check_output",
    "check_writable",
    "companions",
    "read_manifest",
    "to_json",
    "write_manifest",
]
