"""The files that the paths of a table mean, below the folder of the images.

Imports neither numpy nor torch.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from rebalance.data.folder import ENDINGS
from rebalance.data.listing import is_hidden
from rebalance.errors import DataError
from rebalance.reading import is_regular_file
from rebalance.tables import Match, Note, PathIndex, as_parts, find_each, nearest
from rebalance.tables.paths import URL, Parts, Way

FILES_AT_MOST = 5_000_000  # below a root, to look for other ways of reading the paths


class Listed(NamedTuple):
    """A path of a table as it is written, and the line it is in."""

    line: int
    path: str


class Resolved(NamedTuple):
    """The file of each path, relative to the root; absent: of which there is none.

    hint: what may be wrong, where files are absent.
    """

    files: list[str]
    absent: frozenset[str]
    notes: list[Note]
    hint: str = ""


def resolve(table: Path, root: Path, listed: Sequence[Listed]) -> Resolved:
    """Find the file of every path: as it is written, or by the one way that finds all of them.

    Where paths as they are written find as many as any way does, those that are not there are left
    to the caller. Raises DataError where two ways find different files, where only some of the
    paths are found by the best, and for paths that lie outside of the root.
    """
    plain = [_relative(root, each.path) for each in listed]
    there = {name: is_regular_file(root / name) for name in set(plain) if name is not None}
    if all(name is not None and there[name] for name in plain):
        return Resolved([name for name in plain if name is not None], frozenset(), [])
    _refuse_outside(table, root, listed, plain)
    files = list(islice(_files_below(root), FILES_AT_MOST))
    paths = [each.path for each in listed]

    def tidy(path: str, tidied: bool) -> Parts:
        inside = _relative(root, path) if path.startswith(("/", "..")) else None
        return as_parts(inside or path, tidied=tidied)

    index = PathIndex.of(files, ENDINGS)
    found = find_each(paths, index, tidy=tidy)
    if len(found) > 1:
        raise DataError(_ambiguity(table, root, listed, files, found))
    way = found[0].way
    if found[0].complete and way.changes:
        names = [files[place] for place in found[0].places if place is not None]
        one = next(n for n, each in enumerate(listed) if names[n] != each.path)
        text = f"paths are read {way.in_words(paths)}: {paths[one]!r} is {names[one]!r}"
        gone = frozenset(name for name in set(names) if not is_regular_file(root / name))
        return Resolved(names, gone, [Note(text)], "files may be links that lead nowhere")
    hint = _hint(root, listed, files, index, found[0])
    count = sum(name is not None and there[name] for name in plain)
    if None in plain or (way.changes and found[0].count > count):
        raise DataError(f"{str(table)!r}, {hint}")
    names = [name for name in plain if name is not None]
    return Resolved(names, frozenset(name for name in names if not there[name]), [], hint)


def _relative(root: Path, path: str) -> str | None:
    """Make ``path`` relative to the root, with forward slashes; None if it lies outside."""
    # Not Path.resolve: links in a dataset stay what they are called.
    full = Path(os.path.normpath(root / path))
    base = Path(os.path.normpath(root))
    if full == base or base not in full.parents:
        return None
    return full.relative_to(base).as_posix()


def _refuse_outside(
    table: Path, root: Path, listed: Sequence[Listed], plain: Sequence[str | None]
) -> None:
    """Raise DataError for a path that leads to a file, but to one outside of the root."""
    for each, name in zip(listed, plain, strict=True):
        if name is None and (
            is_regular_file(root / each.path) or as_parts(each.path, tidied=False) == ()
        ):
            raise DataError(
                f"images must lie in {str(root)!r}, but {str(table)!r} has {each.path!r} in line "
                f"{each.line}: say where they are with --root"
            )


def _files_below(root: Path) -> Iterator[str]:
    """Yield every file below the root, relative to it, but for what is hidden."""
    base = str(root)
    for folder, inside, names in os.walk(base, followlinks=True):
        seen = os.path.relpath(folder, base).replace(os.sep, "/")
        inside[:] = sorted(
            name for name in inside if not is_hidden(name) and not _goes_round(folder, name)
        )
        for name in sorted(names):
            yield name if seen == "." else f"{seen}/{name}"


def _goes_round(folder: str, name: str) -> bool:
    """Tell whether a link leads to a folder that it is inside of."""
    place = Path(folder, name)
    return place.is_symlink() and Path(folder).resolve().is_relative_to(place.resolve())


def _ambiguity(
    table: Path,
    root: Path,
    listed: Sequence[Listed],
    files: Sequence[str],
    found: Sequence[Match],
) -> str:
    one, other = found[:2]
    number = next(n for n, place in enumerate(one.places) if place != other.places[n])
    first, second = one.places[number], other.places[number]
    assert first is not None and second is not None
    paths = [each.path for each in listed]
    return (
        f"{str(table)!r}, line {listed[number].line}: {listed[number].path!r} may be "
        f"{files[first]!r} (paths read {one.way.in_words(paths)}) or {files[second]!r} (read "
        f"{other.way.in_words(paths)}) in {str(root)!r}: write the paths as the files are called, "
        "or give a narrower --root"
    )


def _hint(
    root: Path, listed: Sequence[Listed], files: Sequence[str], index: PathIndex, best: Match
) -> str:
    """Name the first path that is not found, what is nearest to it, and how that would match."""
    paths = [each.path for each in listed]
    number = next((n for n, place in enumerate(best.places) if place is None), None)
    if number is None:
        return "files are links that lead nowhere, or no files"
    line, path = listed[number]
    start = f"line {line}: no file {path!r} in {str(root)!r}"
    if number in best.several:
        one, other = (files[place] for place in best.several[number])
        return (
            f"line {line}: {path!r} may be {one!r} or {other!r} in {str(root)!r}, by paths read "
            f"{best.way.in_words(paths)}: say which in the table, or give a narrower --root"
        )
    if not files:
        return f"{start}, which holds no files: say where the images are with --root"
    close = nearest(path, files)
    alone = find_each([path], index)
    if alone[0].complete:
        close = files[alone[0].places[0] or 0]
        start += f"; the nearest is {close!r}, which would match {alone[0].way.in_words([path])}"
    else:
        start += f"; the nearest is {close!r}"
    if best.count:
        start += _share(best.way, best.count, paths)
    elif URL.match(path):
        return f"{start}: download the images, and say where they are with --root"
    return f"{start}: correct the paths, or say where the images are with --root"


def _share(way: Way, count: int, paths: Sequence[str]) -> str:
    return f"; paths read {way.in_words(paths)} find {count} of {len(paths)} rows"
