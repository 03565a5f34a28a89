"""Each path of a table finds its file by the one way of reading them that finds every row.

Imports the standard library and nothing else of this package but its paths.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import chain, combinations
from unicodedata import normalize

from rebalance.tables.paths import LOOSE, Match, Parts, Way, as_parts

FEW = 2_000  # rows, or files, that are looked at to find what is nearest
PREFIXES = 12  # prefixes of the first path that are tried


@dataclass
class PathIndex:
    """Files, or what stands for them, to be found by paths that differ in ``loose``.

    Of items that are the same the first is found.
    """

    items: Sequence[Parts]
    endings: Sequence[str]
    _keys: dict[tuple[frozenset[str], int], dict[Parts, list[int]]] = field(
        default_factory=dict, compare=False
    )

    @classmethod
    def of(cls, files: Sequence[str], endings: Sequence[str]) -> "PathIndex":
        """Make the index of files, whose paths are as they are written."""
        return cls([as_parts(file, tidied=False) for file in files], endings)

    @cached_property
    def exact(self) -> dict[Parts, int]:
        """The position of each item by its very parts."""
        found: dict[Parts, int] = {}
        for place, parts in enumerate(self.items):
            found.setdefault(parts, place)
        return found

    def key(self, parts: Parts, loose: frozenset[str]) -> Parts:
        """Return what paths have in common that differ only in ``loose``."""
        if "extension" in loose and parts:
            *folders, name = parts
            bare, _, ending = name.rpartition(".")
            if bare and f".{ending.lower()}" in self.endings:
                parts = (*folders, bare)
        if "case" in loose:
            parts = tuple(part.casefold() for part in parts)
        if "form" in loose:
            parts = tuple(part if part.isascii() else normalize("NFC", part) for part in parts)
        return parts

    def by_end(self, loose: frozenset[str], length: int) -> dict[Parts, list[int]]:
        """Group the items by the key of so many parts at their end; 0 is all parts."""
        if (loose, length) not in self._keys:
            found: dict[Parts, list[int]] = {}
            for parts, place in self.exact.items():
                if len(parts) >= length:
                    found.setdefault(self.key(parts[-length:], loose), []).append(place)
            self._keys[loose, length] = found
        return self._keys[loose, length]


def find_each(
    paths: Sequence[str],
    files: PathIndex,
    *,
    tidy: Callable[[str, bool], Parts] = lambda path, tidied: as_parts(path, tidied=tidied),
) -> list[Match]:
    """Find the file of each path; several matches where ways that are equally plain differ.

    Where no way finds every path, the one match is of the way that finds most. No two paths that
    differ are the same file but by a way that is told to overlook their difference.
    """
    return _search({way: ([tidy(path, way) for path in paths], files) for way in (False, True)})


def find_files(files: Sequence[str], paths: Sequence[str], endings: Sequence[str]) -> list[Match]:
    """Find each of the files among the paths of a table, which may hold others: see ``find_each``.

    The positions that are found are those of paths.
    """
    wanted = [as_parts(file, tidied=False) for file in files]
    readings = {
        tidied: (wanted, PathIndex([as_parts(path, tidied=tidied) for path in paths], endings))
        for tidied in (False, True)
    }
    return _search(readings)


# What is looked up and where, by whether the paths of the table are tidied.
Readings = Mapping[bool, tuple[Sequence[Parts], PathIndex]]


def _search(readings: Readings) -> list[Match]:
    ways = [way for tidied, reading in readings.items() for way in _ways(tidied, *reading)]
    if readings[False][0] == readings[True][0] and readings[False][1] == readings[True][1]:
        ways = [way for way in ways if not way.tidied]
    ways.sort(key=lambda way: way.changes)
    found: list[Match] = []
    hard: list[int] = []  # where earlier ways failed, which is soon known of another
    for way in ways:
        if found and way.changes > found[0].way.changes:
            break
        wanted, index = readings[way.tidied]
        if any(len(_candidates(wanted[number], index, way)) != 1 for number in hard):
            continue
        match = _find(wanted, index, way, to_end=False)
        if not match.complete:
            hard.append(len(match.places) - 1)
        elif all(match.places != each.places for each in found):
            found.append(match)
    return found or [_best(readings, ways)]


def _best(readings: Readings, ways: Sequence[Way]) -> Match:
    def fit(way: Way) -> tuple[int, int]:
        wanted, index = readings[way.tidied]
        match = _find(wanted[:FEW], index, way, to_end=True)
        return match.count, len(match.several)

    best = max(ways, key=fit)  # the plainest of equals
    return _find(*readings[best.tidied], best, to_end=True)


def _ways(tidied: bool, reading: Sequence[Parts], names: PathIndex) -> Iterator[Way]:
    for loose in map(frozenset, chain.from_iterable(combinations(LOOSE, n) for n in range(4))):
        yield Way(tidied, "same", loose)
        for prefix in _prefixes(reading, names, loose):
            yield Way(tidied, "cut", loose, prefix)
        yield Way(tidied, "tail", loose)
        if any(len(parts) > 1 for parts in reading[:FEW]):
            yield Way(tidied, "name", loose)


def _prefixes(reading: Sequence[Parts], names: PathIndex, loose: frozenset[str]) -> Iterator[Parts]:
    """Yield what may be cut off the first path that is then a file."""
    whole = names.by_end(loose, 0)
    for parts in reading[:FEW]:
        fitting = [
            parts[:cut] for cut in range(1, len(parts)) if names.key(parts[cut:], loose) in whole
        ]
        if fitting:
            yield from fitting[:PREFIXES]
            return


def _find(reading: Sequence[Parts], names: PathIndex, way: Way, *, to_end: bool) -> Match:
    """Look every path up; unless ``to_end``, stop at the first that is not found."""
    places: list[int | None] = []
    several: dict[int, tuple[int, int]] = {}
    known: dict[Parts, int | None] = {}
    owners: dict[int, Parts] = {}
    for number, parts in enumerate(reading):
        if parts not in known:
            candidates = _candidates(parts, names, way)
            known[parts] = candidates[0] if len(candidates) == 1 else None
            if len(candidates) > 1:
                several[number] = candidates[0], candidates[1]
            elif candidates and owners.setdefault(candidates[0], parts) != parts:
                known[parts] = None  # another path means this file already
        places.append(known[parts])
        if known[parts] is None and not to_end:
            break
    return Match(way, places, several)


def _candidates(parts: Parts, names: PathIndex, way: Way) -> list[int]:
    """Return the positions of the items that a path may mean."""
    if way.relation == "cut":
        if parts[: len(way.prefix)] != way.prefix:
            return []
        parts = parts[len(way.prefix) :]
    elif way.relation == "name":
        parts = parts[-1:]
    if not parts:
        return []
    if way.relation in ("same", "cut"):
        if parts in names.exact:
            return [names.exact[parts]]
        return names.by_end(way.loose, 0).get(names.key(parts, way.loose), [])
    found = names.by_end(way.loose, len(parts)).get(names.key(parts, way.loose), [])
    if len(found) > 1:
        found = [each for each in found if names.items[each][-len(parts) :] == parts] or found
    return found


def nearest(path: str, files: Sequence[str]) -> str | None:
    """Return the file whose name or else whose path is most like ``path``; None without files."""

    def look(text: str) -> str:
        return normalize("NFC", text.replace("\\", "/").strip()).casefold()

    wanted = look(path)
    name = wanted.rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    by_name = _some(file for file in files if look(file).rpartition("/")[2].startswith(stem))
    looks = {look(file): file for file in by_name or _some(files)}
    close = get_close_matches(wanted, looks, n=1, cutoff=0.0)
    return looks[close[0]] if close else None


def _some(files: Iterable[str]) -> list[str]:
    return [file for file, _ in zip(files, range(FEW), strict=False)]
