"""Files that appear whole or not at all, alone or several as one."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from uuid import uuid4

from rebalance.atomic.journal import Move, awaited, move_as_one
from rebalance.atomic.locks import abandoned, take
from rebalance.errors import OutputError

FORGOTTEN = 86_400.0  # seconds after which a partial file is nobody's, where no lock can tell
PARTIAL = re.compile(r"\..+\.[0-9a-f]{32}\.partial")


@contextmanager
def replacing(
    *paths: Path, exclusive: bool = False, unit: Path | None = None, without: Sequence[Path] = ()
) -> Iterator[tuple[Path, ...]]:
    """Yield temporary files to write to, moved to ``paths``, in order, if the block succeeds.

    If the block raises, whatever stood at ``paths`` stays as it was and the temporary files are
    gone. With a ``unit`` all files appear or none does, also to a process that reads with
    ``settled``, whenever the writer ends. What killed writers left in these folders is deleted.

    unit: the path that several files are known by together; None is that each is for itself.
    exclusive: replace nothing that exists, though it came while the block ran.
    without: files of the unit that go when the others come.

    Raises OutputError where the system refuses to write, and where a file exists that may not be
    replaced.
    """
    _tidy({path.parent for path in paths})
    partial = tuple(path.with_name(f".{path.name}.{uuid4().hex}.partial") for path in paths)
    owned: list[int] = []
    try:
        for source in partial:
            owned.append(_owned(source))
        yield partial
        for source in partial:
            with source.open("rb") as written:
                os.fsync(written.fileno())
        if unit is None:
            for source, target in zip(partial, paths, strict=True):
                source.replace(target)
        else:
            moves = [Move(old.name, new.name) for old, new in zip(partial, paths, strict=True)]
            moves += [Move(None, path.name) for path in without]
            move_as_one(unit, moves, exclusive=exclusive)
    except OSError as error:
        raise OutputError(refusal(_at_fault(paths, partial, error), error)) from error
    finally:
        kept = set() if unit is None else awaited(unit.parent)
        for source in partial:
            if source.name not in kept:
                with suppress(OSError):
                    source.unlink()
        for file in owned:
            os.close(file)


def _owned(source: Path) -> int:
    """Make a temporary file that others see to have a writer who lives."""
    while (file := take(source)) is None:
        pass  # somebody looked, for a moment, whether it is an orphan
    return file


def _at_fault(paths: Sequence[Path], partial: Sequence[Path], error: OSError) -> Path:
    """Choose the path that an error is about: as it says, or else the one written to last."""
    own = {str(source): path for source, path in zip(partial, paths, strict=True)}
    if str(error.filename) in own:
        return own[str(error.filename)]
    written = [source for source in partial if source.exists()]
    last = max(written, key=lambda source: source.stat().st_mtime_ns, default=None)
    return paths[0] if last is None else own[str(last)]


def _tidy(folders: set[Path]) -> None:
    """Delete what writers left in these folders who were killed; others may be at work there."""
    forgotten = time.time() - FORGOTTEN
    for folder in folders:
        for left in folder.glob(".*.partial"):
            if PARTIAL.fullmatch(left.name):
                with suppress(OSError), abandoned(left, forgotten) as free:
                    # Asked last: its writer can have decided on a move until it was gone.
                    if free and left.name not in awaited(folder):
                        left.unlink()


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises OutputError where the system refuses."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise OutputError(refusal(path, error)) from error


def refusal(path: Path, error: OSError) -> str:
    """Say that ``path`` cannot be written, why, and what to do."""
    reason = error.strerror or error
    return f"cannot write {str(path)!r} ({reason}): make room there, or choose another place"
