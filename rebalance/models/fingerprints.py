"""Fingerprints: digests of what two runs must have in common to share features."""

import json
from errno import ENOENT
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rebalance.reading import is_regular_file

FORMAT = 1  # raised when the same extractor would give other features than before


def fingerprint(facts: Any) -> str:
    """Compute a hexadecimal digest of ``facts``, which are JSON types."""
    text = json.dumps([FORMAT, facts], sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """Compute the digest of a file's content, in hexadecimal. Raises OSError.

    Anything but a regular file counts as missing.
    """
    if not is_regular_file(path):
        raise FileNotFoundError(ENOENT, "no such file")
    hasher = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()
