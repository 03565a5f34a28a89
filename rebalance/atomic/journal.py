"""Several files that move to their places as one.

They are renamed one after another, and a process may end between two of these renames; so a journal
beside them says, before the first, what is to become of which file. While it is there, ``settled``
finds every file where it lies, and whoever writes next finishes what was begun.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from rebalance.atomic.locks import take
from rebalance.errors import OutputError

PATIENCE = 60.0  # seconds to wait for a writer who is moving the same files


class Move(NamedTuple):
    """A file's fate: the name it has until then, None for one that goes; its own name."""

    source: str | None
    target: str


def settled(unit: Path, *paths: Path) -> tuple[Path, ...]:
    """Return where files of one unit lie now: at ``paths``, but for an unfinished move.

    The place of a file that goes with the move is one where there is none.
    """
    sources = {move.target: move.source for move in _unfinished(_journal(unit))}
    return tuple(_settled(path, sources) for path in paths)


def _settled(path: Path, sources: Mapping[str, str | None]) -> Path:
    if path.name not in sources:
        return path
    source = path.with_name(sources[path.name] or f".{path.name}.gone")
    return source if sources[path.name] is None or source.exists() else path


def move_as_one(unit: Path, moves: Sequence[Move], *, exclusive: bool) -> None:
    """Move files that are complete to their places, so that none is seen without the others.

    Raises OutputError where one exists that may not be replaced, and where another writer of the
    same files does not come to its end.
    """
    journal = _journal(unit)
    with _alone(journal) as file:
        taken = [
            move.target for move in moves if exclusive and unit.with_name(move.target).exists()
        ]
        if taken:
            raise OutputError(
                f"{str(unit.with_name(taken[0]))!r} exists: choose another name, or replace it "
                "with --overwrite"
            )
        # One that is not whole says nothing, and nothing has been moved by it.
        journal.write_bytes(json.dumps(moves).encode())
        os.fsync(file)
        _finish(journal)


def awaited(folder: Path) -> set[str]:
    """Name the temporary files in a folder whose moves were decided on, and are not finished."""
    moves = (move for journal in folder.glob(".*.moving") for move in _unfinished(journal))
    return {move.source for move in moves if move.source is not None}


@contextmanager
def _alone(journal: Path) -> Iterator[int]:
    """Open the journal for this writer alone, after whoever has it.

    What a writer who was killed had begun is carried out before the block, and what the journal
    says by its end after it, even if the block was interrupted.
    """
    began = time.monotonic()
    while (file := take(journal)) is None:
        if time.monotonic() - began > PATIENCE:
            raise OutputError(
                f"another process is moving what {str(journal)!r} says, and does not come to its "
                "end: end it, or choose another name"
            )
        time.sleep(0.01)
    try:
        _finish(journal)
        os.ftruncate(file, 0)
        try:
            yield file
        finally:
            _finish(journal)
            journal.unlink(missing_ok=True)
    finally:
        os.close(file)


def _finish(journal: Path) -> None:
    """Carry out what a journal says, whoever wrote it, as far as it is not done."""
    for move in _unfinished(journal):
        target = journal.with_name(move.target)
        with suppress(FileNotFoundError):  # done before
            if move.source is None:
                target.unlink()
            else:
                journal.with_name(move.source).replace(target)


def _unfinished(journal: Path) -> list[Move]:
    """Read what a journal says is to be moved: nothing without one, or where it is not whole."""
    try:
        return [Move(*move) for move in json.loads(journal.read_bytes())]
    except (OSError, TypeError, ValueError):
        return []


def _journal(unit: Path) -> Path:
    return unit.with_name(f".{unit.name}.moving")
