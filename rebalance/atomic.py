"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Temporary paths to write to, renamed onto ``paths``, in order, once the block has succeeded.

    If it raises, whatever stood at ``paths`` stays as it was and the temporary files are gone.
    """
    partial = tuple(path.with_name(f".{path.name}.{uuid4().hex}.partial") for path in paths)
    try:
        yield partial
        for source in partial:
            with source.open("rb") as file:
                os.fsync(file.fileno())
        for source, target in zip(partial, paths, strict=True):
            source.replace(target)
    finally:
        for source in partial:
            source.unlink(missing_ok=True)
