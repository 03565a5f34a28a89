"""An image is placed in a folder as a file of its own, or as a link to the original.

What is changed in a file of its own changes no other. Imports the standard library and our errors,
and nothing else.
"""

import errno
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rebalance.errors import OutputError
from rebalance.manifest import Row

if sys.platform == "linux":
    import fcntl

FICLONE = 0x40049409  # of linux/fs.h, which Python's fcntl has from 3.12 on

# Another file system, one that cannot, a file with too many, or somebody else's file.
NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP}
    | {errno.ENOSYS}
)
NO_REFLINK = NO_LINK | {errno.EINVAL, errno.ENOTTY, errno.EBADF, errno.ETXTBSY}

Put = Callable[[Path, Path], str]


def put_copy(source: Path, target: Path) -> str:
    """Copy the content of ``source``."""
    shutil.copyfile(source, target)
    return "copied"


def put_reflink(source: Path, target: Path) -> str:
    """Copy ``source`` in no time: both share their blocks until one of them is changed.

    Raises OutputError where the file system cannot.
    """
    try:
        _clone(source, target)
    except OSError as error:
        if error.errno not in NO_REFLINK:
            raise
        raise OutputError(
            "reflinks need images and folder on one file system that has them, such as Btrfs or "
            f"XFS, and {str(target.parents[1])!r} is on none ({error.strerror}): choose --link "
            "copy, or auto"
        ) from error
    return "reflinked"


def put_reflink_or_copy(source: Path, target: Path) -> str:
    """Make a reflink of ``source``, or copy it where there can be none."""
    try:
        _clone(source, target)
    except OSError as error:
        if error.errno not in NO_REFLINK:
            raise
        return put_copy(source, target)
    return "reflinked"


def put_hard_link(source: Path, target: Path) -> str:
    """Make ``target`` a hard link to ``source``, or a copy where there can be none."""
    # A hard link to a link would lead nowhere if that one is relative.
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        return put_copy(source, target)
    return "linked"


def put_symlink(source: Path, target: Path) -> str:
    """Make ``target`` a symbolic link to ``source``, an absolute path."""
    target.symlink_to(source)
    return "symlinked"


PUTS: Mapping[str, Put] = {
    "auto": put_reflink_or_copy,
    "hard": put_hard_link,
    "sym": put_symlink,
    "copy": put_copy,
    "reflink": put_reflink,
}
SHARING = ("hard", "sym")  # whoever writes into such a file writes into the original


def _clone(source: Path, target: Path) -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(target))
    with source.open("rb") as read, target.open("wb") as written:
        fcntl.ioctl(written, FICLONE, read.fileno())


def repeated_and_outside(
    rows: Sequence[Row], root: Path, further: Path | None = None
) -> tuple[set[int], set[int]]:
    """Find the rows that get a file of their own where others are links, by their positions.

    Those are rows that repeat an image, so that a change to one of them is not one to all, and
    those whose image lies outside of ``root`` and of ``further``, where generated images are: a
    link in the data leads to it.
    """
    homes = [home.resolve() for home in (root, further) if home is not None]
    linked = set[Path]()
    repeated, outside = set[int](), set[int]()
    for place, row in enumerate(rows):
        if row.is_made:
            continue
        source = (root / row.file_name).resolve()
        if not any(source.is_relative_to(home) for home in homes):
            outside.add(place)
        elif row.kind == "duplicate" or source in linked:
            repeated.add(place)
        else:
            linked.add(source)
    return repeated, outside
