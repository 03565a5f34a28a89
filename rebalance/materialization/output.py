"""A folder that appears whole or not at all, and replaces nothing but one of its own kind.

Imports the standard library and the rest of this package, and nothing else.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from rebalance.atomic import alone_at
from rebalance.errors import OutputError
from rebalance.manifest import Manifest
from rebalance.materialization.layouts import CACHES
from rebalance.materialization.names import CLASS_MAP, RECORD
from rebalance.reading import is_regular_file

log = logging.getLogger("rebalance")

FORMAT = 1
FORMAT_OF_SIDES = 2
LEFT_BEHIND = re.compile(r"\.[0-9a-f]{32}\.(partial|replaced)")


def check_output(output: Path | str, *, overwrite: bool) -> Path:
    """Return ``output`` as an absolute path that a folder can be written to.

    It must not exist, or be an empty folder, or with ``overwrite`` a materialized one that holds
    nothing else. Raises OutputError otherwise.
    """
    path = Path(output)
    if path.is_symlink():
        raise OutputError(f"{str(path)!r} is a link; give the folder itself, or another name")
    path = path.resolve()
    if not path.parent.is_dir():
        raise OutputError(f"no folder {str(path.parent)!r} to write {path.name!r} to: make it")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"no permission to write to {str(path.parent)!r}: choose another place")
    _check_replaceable(path, overwrite=overwrite)
    return path


def check_apart(output: Path, manifest: Manifest) -> None:
    """Raise OutputError where writing to ``output`` would change the folder the images are in.

    output: absolute and resolved. It may not be the root or hold it, nor lie in a folder with
    images of the manifest; nor in the root at all, if that has a folder per class. The folder of
    generated images is one with images.
    """
    root, further = manifest.root.resolve(), manifest.generated_folder
    files = {file for row in manifest.rows for file in (row.file_name, row.partner) if file}
    tops = {file.partition("/")[0] for file in files if "/" in file} - {".."}
    sources = {root, *((root / top).resolve() for top in tops)}
    if further is not None:
        sources.add(further.resolve())
    holding = [source for source in sources if output == source or output in source.parents]
    inside = [source for source in sources - {root} if source in output.parents]
    as_class = root in output.parents and bool(tops & set(manifest.classes))
    if holding or inside or as_class:
        raise OutputError(
            f"{str(output)!r} would mix with the images in {str(root)!r}, which stay as they are: "
            "choose a folder beside it"
        )


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as listing:
            return next(listing, None) is None
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> OutputError:
    return OutputError(
        f"{error.filename!r} cannot be read ({error.strerror}): choose another place"
    )


def entries(folder: Path) -> set[str]:
    """List everything in ``folder``, however deep, by its path relative to it.

    Links are not followed. Raises OutputError where a folder may not be read.
    """
    found: set[str] = set()
    pending = [""]
    while pending:
        inside = pending.pop()
        try:
            with os.scandir(folder / inside) as listing:
                for entry in listing:
                    path = f"{inside}{entry.name}"
                    found.add(path)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{path}/")
        except OSError as error:
            raise _unreadable(error) from error
    return found


@contextmanager
def appearing(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """Make an empty folder beside ``output``, and rename it once the block has succeeded.

    If the block raises, the new folder is gone and ``output`` as it was. An older materialized
    folder goes once the new one is in place, and only the entries that its record names. What a
    process that was killed left is tidied first.

    Raises OutputError as ``check_output`` does, where another process writes there, and where the
    system refuses to write.
    """
    with alone_at(output, output.with_name(f".{output.name}.lock")):
        _tidy(output)
        with _swapped_in(output, overwrite=overwrite) as partial:
            yield partial


@contextmanager
def _swapped_in(output: Path, *, overwrite: bool) -> Iterator[Path]:
    mark = uuid4().hex
    partial = output.with_name(f".{output.name}.{mark}.partial")
    retired = output.with_name(f".{output.name}.{mark}.replaced")
    written: set[str] = set()
    try:
        partial.mkdir()
        yield partial
        # Once more: something may have come to lie there since the work began.
        written = _check_replaceable(output, overwrite=overwrite)
        _swap(partial, output, retired)
    except OSError as error:
        at = f" at {error.filename!r}" if error.filename else ""
        raise OutputError(
            f"cannot write {str(output)!r} ({error.strerror or error}{at}): make room there, or "
            "choose another place"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _delete(retired, written)


def _tidy(output: Path) -> None:
    """Take away what a process left beside ``output`` that was killed; none may be at work.

    The older folder comes back where it was killed before the new one stood in its place.
    """
    for left in output.parent.glob(f".{escape(output.name)}.*"):
        found = LEFT_BEHIND.fullmatch(left.name.removeprefix(f".{output.name}"))
        if found and found[1] == "partial":
            shutil.rmtree(left, ignore_errors=True)
        elif found and output.exists():
            _delete(left, _written(left))
        elif found and _written(left):
            with suppress(OSError):
                left.rename(output)


def _swap(partial: Path, output: Path, retired: Path) -> None:
    try:
        if output.exists():
            output.rename(retired)
        partial.rename(output)
    except BaseException:
        if retired.exists() and not output.exists():
            retired.rename(output)
        raise


def _delete(folder: Path, written: set[str]) -> None:
    """Delete the entries of ``folder`` that are in ``written``, and the folder if it is empty."""
    for inside, folders, files in os.walk(folder, topdown=False):
        for path in (Path(inside, name) for name in (*files, *folders)):
            if path.relative_to(folder).as_posix() in written:
                with suppress(OSError):
                    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    with suppress(OSError):
        folder.rmdir()
    if folder.exists():
        log.warning("%r, which was replaced, could not be deleted wholly", str(folder))


def _check_replaceable(path: Path, *, overwrite: bool) -> set[str]:
    """List the entries of ours at ``path``; OutputError where they may not be replaced."""
    if not path.exists():
        return set()
    if not path.is_dir():
        raise OutputError(f"{str(path)!r} is a file; a folder was needed: choose another name")
    if _is_empty(path):
        return set()
    written = _written(path)
    if not written:
        raise OutputError(
            f"{str(path)!r} holds files, and was not made by materialize: choose another name, or "
            "empty it"
        )
    found = entries(path)
    foreign = sorted(found - written)
    if foreign:
        raise OutputError(
            f"{str(path)!r} holds {foreign[0]!r}, which materialize did not write: move it, or "
            "choose another name"
        )
    if not overwrite:
        raise OutputError(
            f"{str(path)!r} exists: choose another name, or replace it with --overwrite"
        )
    return found


def _written(path: Path) -> set[str]:
    """Read which entries the record in ``path`` names; none where it has no record of ours."""
    record = path / RECORD
    if record.is_symlink() or not is_regular_file(record):
        return set()
    try:
        known = json.loads(record.read_bytes())
        if known["format"] == FORMAT:
            return {RECORD, CLASS_MAP, *known["classes"], *known["samples"]}
        return _of_sides(known) if known["format"] == FORMAT_OF_SIDES else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _of_sides(known: dict[str, Any]) -> set[str]:
    found = {RECORD, CLASS_MAP, *CACHES}
    for name, side in known["sides"].items():
        found |= {name, *(f"{name}/{label}" for label in known["classes"]), *side["samples"]}
    return found
