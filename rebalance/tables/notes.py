"""Notes tell the reader of a table what was not plain about it."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger("rebalance")


class Note(NamedTuple):
    """One thing about a table that was sniffed or resolved; doubtful where it may be wrong."""

    text: str
    doubtful: bool = False


def tell(path: Path, notes: Iterable[Note]) -> None:
    """Say each note once in the log; what is doubtful is a warning."""
    for note in notes:
        (log.warning if note.doubtful else log.info)("%r: %s", str(path), note.text)
