"""Which file each path of a table means: by the one way of reading them that finds every row.

Imports the standard library and nothing else of this package.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import chain, combinations
from unicodedata import normalize
from urllib.parse import unquote

Parts = tuple[str, ...]

URL = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]+)://([^/?#\\]*)([^?#]*)")
LOOSE = ("case", "form", "extension")
LOOSELY = {
    "case": "whatever the case of letters",
    "form": "whatever their Unicode form",
    "extension": "whatever their extension",
}
RELATIONS = {"same": 0, "cut": 1, "tail": 1, "name": 2}
FEW = 2_000  # rows, or files, that are looked at to find what is nearest
PREFIXES = 12  # prefixes of the first path that are tried


@dataclass(frozen=True)
class Way:
    """One way of reading the paths of a table.

    tidied: not as they are written, but without spaces around them and with backslashes as
    separators. relation: how a path stands to the file's; it is the same, has
    a prefix to cut, is the end of it, or only the name counts. loose: differences that do not
    count.
    """

    tidied: bool
    relation: str
    loose: frozenset[str]
    prefix: Parts = ()

    @property
    def changes(self) -> int:
        """How far it is from reading paths as they are written."""
        return self.tidied + RELATIONS[self.relation] + len(self.loose)

    def in_words(self, paths: Sequence[str], *, of_files: bool = False) -> str:
        """Say what it does to these paths of a table; of_files: how files are found among them."""
        words = []
        if any(URL.match(path) for path in paths):
            words.append("as the paths of URLs")
        if self.tidied:
            if any("\\" in path for path in paths):
                words.append("with backslashes as separators")
            if any(path != path.strip() for path in paths):
                words.append("without spaces around them")
        if of_files and self.relation != "same":
            words.append("by the ends of their paths")
        elif self.relation == "cut":
            words.append(f"without the prefix {shown(self.prefix)!r}")
        elif self.relation == "tail":
            words.append("in whichever folder they are")
        elif self.relation == "name":
            words.append("by their names alone, in whichever folder they are")
        words += [LOOSELY[each] for each in LOOSE if each in self.loose]
        return ", ".join(words) or "as they are written"


@dataclass(frozen=True)
class Match:
    """What one way of reading paths finds.

    places: for each path the position of its file, None where there is none or not one alone.
    several: positions of two files that the first such path may mean alike.
    """

    way: Way
    places: Sequence[int | None]
    several: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many paths are found."""
        return sum(place is not None for place in self.places)

    @property
    def complete(self) -> bool:
        """Whether every path is found."""
        return None not in self.places


def as_parts(path: str, *, tidied: bool) -> Parts:
    """Divide a path into folders and a name; an absolute one begins with its root.

    >>> from rebalance.tables import as_parts
    >>> as_parts("C:\\\\photos\\\\cat\\\\1.png", tidied=True)
    ('C:', 'photos', 'cat', '1.png')
    >>> as_parts("https://example.com/cat/1%20a.png?w=9", tidied=True)
    ('https://example.com', 'cat', '1 a.png')
    """
    first: list[str] = []
    if tidied:
        path = path.strip()
    url = URL.match(path)
    if url:
        first, path = [f"{url[1]}://{url[2]}"], unquote(url[3]).lstrip("/\\")
    if tidied:
        path = path.replace("\\", "/")
    if path.startswith("/"):
        first = [*first, "/"]
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return (*first, *parts)


def shown(parts: Parts) -> str:
    """Write the parts of a path as a text again."""
    text = "/".join(parts)
    return text[1:] if text.startswith("//") else text


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
    files: Sequence[str],
    endings: Sequence[str],
    *,
    tidy: Callable[[str, bool], Parts] = lambda path, tidied: as_parts(path, tidied=tidied),
) -> list[Match]:
    """Find the file of each path; several findings where ways that are equally plain differ.

    Where no way finds every path, the one finding is of the way that finds most. No two paths that
    differ are the same file but by a way that is told to overlook their difference.
    """
    names = PathIndex([as_parts(file, tidied=False) for file in files], endings)
    return _search({way: ([tidy(path, way) for path in paths], names) for way in (False, True)})


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
    for way in ways:
        if found and way.changes > found[0].way.changes:
            break
        finding = _find(*readings[way.tidied], way, to_end=False)
        if finding.complete and all(finding.places != each.places for each in found):
            found.append(finding)
    return found or [_best(readings, ways)]


def _best(readings: Readings, ways: Sequence[Way]) -> Match:
    def count(way: Way) -> int:
        wanted, names = readings[way.tidied]
        return _find(wanted[:FEW], names, way, to_end=True).count

    best = max(ways, key=count)  # the plainest of equals
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
