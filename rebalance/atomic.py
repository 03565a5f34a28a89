"""Output files that appear whole or not at all, alone or several as one.

One file is renamed into its place. Several are renamed one after another, and a process may end
between two of these renames; so a journal beside them says, before the first, what is to become of
which file. While it is there, ``settled`` finds every file where it lies, and whoever writes next
finishes what was begun. Imports the standard library and our errors, and nothing else.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import EACCES
from glob import escape
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from rebalance.errors import OutputError

PATIENCE = 5.0  # seconds after which a journal is one that its writer did not live to take away
FORGOTTEN = 86_400.0  # seconds after which a partial file is nobody's any more


@contextmanager
def replacing(
    *paths: Path, exclusive: bool = False, unit: Path | None = None, without: Sequence[Path] = ()
) -> Iterator[tuple[Path, ...]]:
    """Yield temporary paths to write to, moved to ``paths``, in order, if the block succeeds.

    If the block raises, whatever stood at ``paths`` stays as it was and the temporary files are
    gone. With a ``unit`` all files appear or none does, also to a process that reads with
    ``settled``, whenever the writer ends.

    unit: the path that several files are known by together; None is that each is for itself.
    exclusive: replace nothing that exists, though it came while the block ran.
    without: files of the unit that go when the others come.

    Raises OutputError where the system refuses to write, and where a file exists that may not be
    replaced.
    """
    _tidy(paths)
    partial = tuple(path.with_name(f".{path.name}.{uuid4().hex}.partial") for path in paths)
    try:
        yield partial
        for source in partial:
            with source.open("rb") as file:
                os.fsync(file.fileno())
        if unit is None:
            for source, target in zip(partial, paths, strict=True):
                source.replace(target)
        else:
            moves = [Move(old.name, new.name) for old, new in zip(partial, paths, strict=True)]
            moves += [Move(None, path.name) for path in without]
            _move_as_one(_journal(unit), moves, exclusive)
    except OSError as error:
        raise OutputError(_refusal(paths[0], error)) from error
    finally:
        for source in partial:
            with suppress(OSError):
                source.unlink()


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


def _move_as_one(journal: Path, moves: Sequence[Move], exclusive: bool) -> None:
    """Move files that are complete to their places, so that none is seen without the others."""
    _begin(journal, json.dumps(moves).encode())
    taken = [move.target for move in moves if exclusive and journal.with_name(move.target).exists()]
    if taken:
        journal.unlink(missing_ok=True)
        raise OutputError(
            f"{str(journal.with_name(taken[0]))!r} exists: choose another name, or replace it with "
            "--overwrite"
        )
    _finish(journal)


def _begin(journal: Path, content: bytes) -> None:
    """Write the journal, after whoever has one there; one writer at a time has."""
    began = time.monotonic()
    while True:
        try:
            # One that is not whole says nothing, and nothing has been moved by it.
            file = os.open(journal, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            if time.monotonic() - began > PATIENCE:
                _finish(journal)
            else:
                time.sleep(0.01)
        else:
            break
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)


def _finish(journal: Path) -> None:
    """Carry out what a journal says, whoever wrote it, and take it away."""
    for move in _unfinished(journal):
        target = journal.with_name(move.target)
        with suppress(FileNotFoundError):  # done before
            if move.source is None:
                target.unlink()
            else:
                journal.with_name(move.source).replace(target)
    journal.unlink(missing_ok=True)


def _unfinished(journal: Path) -> list[Move]:
    """Read what a journal says is to be moved: nothing without one, or where it is not whole."""
    try:
        return [Move(*move) for move in json.loads(journal.read_bytes())]
    except (OSError, TypeError, ValueError):
        return []


def _journal(unit: Path) -> Path:
    return unit.with_name(f".{unit.name}.moving")


def _tidy(paths: Sequence[Path]) -> None:
    """Delete what writers of these files left behind who were killed; others may be at work."""
    for path in paths:
        for left in path.parent.glob(f".{escape(path.name)}.*.partial"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > FORGOTTEN:
                    left.unlink()


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises OutputError where the system refuses."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise OutputError(_refusal(path, error)) from error


def _refusal(path: Path, error: OSError) -> str:
    reason = error.strerror or error
    return f"cannot write {str(path)!r} ({reason}): make room there, or choose another place"
