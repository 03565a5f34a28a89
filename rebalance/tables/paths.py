"""Paths as tables write them, and the ways in which they can be read.

Imports the standard library and nothing else of this package.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        """Return how far it is from reading paths as they are written."""
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
    """A match holds what one way of reading paths finds.

    places: for each path the position of its file, None where there is none or not one alone.
    several: positions of two files that the first such path may mean alike.
    """

    way: Way
    places: Sequence[int | None]
    several: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return how many paths are found."""
        return sum(place is not None for place in self.places)

    @property
    def complete(self) -> bool:
        """Tell whether every path is found."""
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
