"""A file that is read again and again, and may not change meanwhile.

Imports the standard library and our errors.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rebalance.errors import FeatureFileError
from rebalance.reading import is_regular_file

KEPT = 2**29  # bytes of a file whose map is kept
MADV_RANDOM = getattr(mmap, "MADV_RANDOM", None)  # where the system has it


class SteadyFile:
    """A regular file of at least one byte, known by its place, size and time.

    It is opened anew for each look and closed afterwards, so that nobody need close it. Raises
    FeatureFileError where there is no such file, and at each look where it is another than it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not is_regular_file(path):
            raise self.fault(*_no_file(path))
        with self._blamed():
            self._state = state_of(path.stat())
        self.size = self._state[2]
        self._kept: mmap.mmap | None = None
        if not self.size:
            raise self.fault("is empty (0 bytes)", "write it again")

    def fault(self, found: str, remedy: str) -> FeatureFileError:
        """Return the error that says what was found in this file, and what to do."""
        return FeatureFileError(f"{str(self.path)!r} {found}: {remedy}")

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file as it was when it was first looked at."""
        with self._blamed(), self.path.open("rb") as file:
            if state_of(os.fstat(file.fileno())) != self._state:
                raise self.fault("has changed since it was opened", "run the command again")
            yield file

    def beginning(self, size: int) -> bytes:
        """Read the first bytes."""
        with self.opened() as file:
            return file.read(size)

    def mapped(self, *, scattered: bool) -> mmap.mmap:
        """Map the whole file; it takes memory only where it is looked at.

        A file that is not large is mapped once. The map of a large one goes with whoever looks at
        it, and then no longer counts as memory of this process. scattered: whether it is looked at
        here and there, so that what follows need not be read ahead.
        """
        with self.opened() as file:
            if self._kept is not None:
                return self._kept
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.size <= KEPT:
            self._kept = content
            return content
        if scattered and MADV_RANDOM is not None:
            content.madvise(MADV_RANDOM)
        return content

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


def state_of(found: os.stat_result) -> tuple[int, ...]:
    """Return what tells a file from another, and from what it was before."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
