"""A file that is read again and again, and may not change meanwhile.

Imports the standard library and our errors.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO

from rebalance.errors import FeatureFileError
from rebalance.reading import is_regular_file


class SteadyFile:
    """A regular file of at least one byte, known by its place, size and time.

    It is opened anew for each look and closed afterwards: what was looked at then no longer counts
    as memory of this process, and whoever holds the object need not close it. Raises
    FeatureFileError where there is no such file, and at each look where it is another than it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not is_regular_file(path):
            raise self.fault(*_no_file(path))
        with self._blamed():
            self._state = _state(path.stat())
        self.size = self._state[2]
        if not self.size:
            raise self.fault("is empty (0 bytes)", "write it again")

    def fault(self, found: str, remedy: str) -> FeatureFileError:
        """Return the error that says what was found in this file, and what to do."""
        return FeatureFileError(f"{str(self.path)!r} {found}: {remedy}")

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file as it was when it was first looked at."""
        with self._blamed(), self.path.open("rb") as file:
            if _state(os.fstat(file.fileno())) != self._state:
                raise self.fault("has changed since it was opened", "run the command again")
            yield file

    def beginning(self, size: int) -> bytes:
        """Read the first bytes."""
        with self.opened() as file:
            return file.read(size)

    def mapped(self) -> mmap:
        """Map the whole file; it takes memory only where it is looked at."""
        with self.opened() as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise self.fault(f"cannot be read ({reason})", "check the file") from error


def _no_file(path: Path) -> tuple[str, str]:
    """Say what is in the place of a file, and what to do."""
    if path.is_dir():
        return "is a folder, and a file was needed", "name the file in it"
    if os.path.lexists(path):
        return "is no regular file", "pass one that can be read more than once"
    return "does not exist", "check the name"


def _state(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
