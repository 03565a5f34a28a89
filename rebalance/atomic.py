"""Output files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from uuid import uuid4

from rebalance.errors import OutputError


@contextmanager
def replacing(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Yield temporary paths to write to; they replace ``paths``, in order, if the block succeeds.

    If it raises, whatever stood at ``paths`` stays as it was and the temporary files are gone.
    Raises OutputError where the system refuses to write.
    """
    partial = tuple(path.with_name(f".{path.name}.{uuid4().hex}.partial") for path in paths)
    try:
        yield partial
        for source in partial:
            with source.open("rb") as file:
                os.fsync(file.fileno())
        for source, target in zip(partial, paths, strict=True):
            source.replace(target)
    except OSError as error:
        raise OutputError(_refusal(paths[0], error)) from error
    finally:
        for source in partial:
            with suppress(OSError):
                source.unlink()


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
