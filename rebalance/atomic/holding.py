"""Folders that one process at a time writes to."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rebalance.atomic.files import make_folder, refusal
from rebalance.atomic.locks import take
from rebalance.errors import OutputError

LOCK = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made, so that no other process writes to it meanwhile.

    A process that is killed lets go of it. A folder that is still empty at the end goes again, if
    it was made for this. On file systems without locks it holds nobody off.

    Raises OutputError where another process holds it, and where the system refuses to write.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{str(folder)!r} is a file; a folder was needed: choose another name")
    new = not folder.exists()
    make_folder(folder)
    try:
        with alone_at(folder, folder / LOCK):
            yield
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def alone_at(path: Path, lock: Path) -> Iterator[None]:
    """Hold off other processes from ``path`` by a lock, a file that is there only meanwhile.

    Raises OutputError as ``held`` does.
    """
    file = _taken(path, lock)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()  # first, so that whoever takes it next sees that it is gone
        os.close(file)


def _taken(path: Path, lock: Path) -> int:
    """Take the lock, and leave a word in it for whoever comes next."""
    try:
        file = take(lock)
    except OSError as error:
        raise OutputError(refusal(path, error)) from error
    if file is None:
        raise OutputError(
            f"another process ({_holder(lock)}) writes to {str(path)!r}: wait until it has ended, "
            "or choose another place"
        )
    with suppress(OSError):
        os.ftruncate(file, 0)  # one that was left behind has another word in it
        os.write(file, f"{os.getpid()} on {socket.gethostname()}".encode())
    return file


def _holder(lock: Path) -> str:
    with suppress(OSError):
        return lock.read_text(encoding="utf-8", errors="replace")[:100] or "unknown"
    return "unknown"
