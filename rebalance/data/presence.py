"""Which files are there, told by listing their folders rather than by asking for each.

Imports the standard library, and nothing else.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def missing(root: Path, names: Iterable[str]) -> list[str]:
    """Return those of ``names``, paths relative to ``root``, at which there is nothing.

    A folder is listed once, however many names lie in it: for a million files that takes a second,
    where a question for each would take several, and minutes over a network. A name that no list
    has is asked for by itself: a folder may have it under another spelling.

    >>> from pathlib import Path
    >>> from rebalance.data.presence import missing
    >>> missing(Path(__file__).parent, ["presence.py", "absence.py", "nowhere/presence.py"])
    ['absence.py', 'nowhere/presence.py']
    """
    listed: dict[str, frozenset[str]] = {}
    found = []
    for name in names:
        folder, _, file = name.rpartition("/")
        files = listed.get(folder)
        if files is None:
            files = listed[folder] = _listed(root / folder)
        if file not in files and not _is_there(root / name):
            found.append(name)
    return found


def _listed(folder: Path) -> frozenset[str]:
    with suppress(OSError, ValueError), os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries)
    return frozenset()


def _is_there(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return os.path.lexists(path)
    return False
