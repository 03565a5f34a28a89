"""Where the images of a manifest are, as its record says it on disk and in memory.

On disk a root is relative to the folder of the manifest where both lie in one tree, so that the
tree can be copied or checked out elsewhere, and gives equal bytes there. In memory it is absolute.
Imports the standard library alone.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any, TypeVar, cast


def relative_root(root: Path, folder: Path) -> str:
    """Return how the root is reached from a folder, POSIX; absolute where they share no folder.

    A way down from the folder stays as it is written, links in it too. A way that leads up first
    starts where the links of ``folder`` end, for that is where ``..`` leads up from.

    >>> from pathlib import Path
    >>> from rebalance.manifest.rooting import relative_root
    >>> relative_root(Path("/work/photos/train"), Path("/work"))
    'photos/train'
    >>> relative_root(Path("/mnt/photos"), Path("/work"))
    '/mnt/photos'
    """
    root, folder = (Path(os.path.normpath(each.absolute())) for each in (root, folder))
    if root.is_relative_to(folder):
        return root.relative_to(folder).as_posix()
    start = folder.resolve()
    # Nothing but the top of all folders in common, or another drive, is no tree to be copied.
    if root.parts[:2] != start.parts[:2] or len(start.parts) < 2:
        return str(root)
    way = os.path.relpath(root, start)
    led = (start / way).resolve() == root.resolve()
    return PurePath(way).as_posix() if led else str(root)


def absolute_root(root: str, folder: Path) -> str:
    """Return the root that a record in this folder means: the other way of ``relative_root``.

    >>> from pathlib import Path
    >>> from rebalance.manifest.rooting import absolute_root
    >>> absolute_root("photos/train", Path("/work")), absolute_root("/mnt/photos", Path("/work"))
    ('/work/photos/train', '/mnt/photos')
    """
    if Path(root).is_absolute():
        return root
    start = folder.resolve() if ".." in PurePath(root).parts else folder.absolute()
    return os.path.normpath(start / root)


Recorded = TypeVar("Recorded", bound=Mapping[str, Any])


def with_roots(record: Recorded, turned: Callable[[str], str]) -> Recorded:
    """Return the record with its root, and those of the manifests that it came from, turned."""
    changed: dict[str, Any] = {}
    root, source = record.get("root"), record.get("source")
    if isinstance(root, str) and root:
        changed["root"] = turned(root)
    if isinstance(source, dict):
        changed["source"] = with_roots(source, turned)
    together: Any = {**record, **changed}
    return cast("Recorded", together)
