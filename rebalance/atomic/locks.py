"""Locks on open files, which the system takes back when their process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def claim(file: int) -> bool | None:
    """Lock an open file for as long as it stays open; False where another has done so.

    None where the file system has no locks, so that nobody can tell.
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def opened(path: Path, flags: int = 0) -> int:
    """Open a file to be claimed. Raises OSError where the system refuses."""
    return os.open(path, os.O_RDWR | flags | getattr(os, "O_CLOEXEC", 0), 0o666)


def stands_at(file: int, path: Path) -> bool:
    """Tell whether an open file is still the one at ``path``, and was not taken away meanwhile."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(file), path.lstat())
    return False


def take(path: Path) -> int | None:
    """Make a file, or open the one that is there, and claim it; None where another has it.

    Where the file system has no locks, everybody gets it. Raises OSError where the system refuses.
    """
    while True:
        file = opened(path, os.O_CREAT)
        claimed = claim(file)
        # Whoever had it has taken it away before letting go.
        if claimed is not False and stands_at(file, path):
            return file
        os.close(file)
        if claimed is False:
            return None


@contextmanager
def abandoned(path: Path, forgotten: float) -> Iterator[bool]:
    """Yield whether nobody writes to a file any more; nobody begins to within the block.

    forgotten: a time of the epoch; where there are no locks, files untouched since are abandoned.
    Raises OSError where the file cannot be opened.
    """
    file = opened(path)
    try:
        claimed = claim(file)
        yield os.fstat(file).st_mtime < forgotten if claimed is None else claimed
    finally:
        os.close(file)
