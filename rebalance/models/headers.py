"""The header of a safetensors file, read without torch.

Imports the standard library and ``rebalance.reading``. The format: eight bytes with the length of
the header (little-endian), the header (JSON), the tensors.
"""

from pathlib import Path
from typing import Any

from rebalance.reading import check_regular, parse_json

MARKER = "rebalance"  # the key under which our checkpoints keep their description

LENGTH_BYTES = 8
_LONGEST = 100_000_000  # bytes; the format's own limit


def read_header(path: Path) -> dict[str, Any] | None:
    """Read the header of the safetensors file at ``path``; None where there is no such file."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if length > min(_LONGEST, path.stat().st_size):
                return None
            header = parse_json(file.read(length))
    except (OSError, ValueError):
        return None
    return header if isinstance(header, dict) else None


def saved_metadata(path: Path) -> dict[str, Any] | None:
    """Read how a checkpoint of ours describes itself; None for any other file, or none."""
    metadata = (read_header(path) or {}).get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get(MARKER), str):
        return None
    try:
        described = parse_json(metadata[MARKER])
    except ValueError:
        return None
    return described if isinstance(described, dict) else None


def is_ours(path: Path) -> bool:
    """Tell whether ``path`` is a checkpoint that ``checkpoints.save_network`` wrote."""
    return saved_metadata(path) is not None
