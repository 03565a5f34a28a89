"""What a page opens with: sentences on what came of it, each of which leads to its place.

May not import torch or click; imports nothing heavy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NAMED = 6  # classes that one sentence names


@dataclass(frozen=True)
class VerdictLine:
    """A sentence without its full stop.

    place: the id of the part of the page that shows it; "" where none does. named: what it names at
    its end, each with a place of its own; ``more`` is how many others it does not name.
    """

    text: str
    place: str = ""
    named: Sequence[tuple[str, str]] = ()
    more: int = 0


def on_classes(
    text: str, names: Sequence[str], total: int, places: Mapping[str, str]
) -> VerdictLine:
    """Make a sentence that names classes, unless it is on all of them, which are ``total``.

    It leads to the first of them that has a place.
    """
    first = next((places[name] for name in names if name in places), "")
    if len(names) == total:
        return VerdictLine(text, first)
    named = [(name, places.get(name, "")) for name in names[:NAMED]]
    return VerdictLine(text, first, named, len(names) - len(named))


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write a number and what it counts: "1 image", "1 705 images"."""
    from rebalance.reports.page import number

    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"
