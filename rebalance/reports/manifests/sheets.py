"""Contact sheets: which images of a cluster to look at, and how large they may be.

Imports numpy and Pillow; nothing heavier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.reports.manifests.members import ClassStory, Member

KINDS = ("closest", "farthest", "picked", "dropped")
# Tiles in a strip, and their side: the first with which all strips fit into the pixels below.
FORMS = ((8, 96), (8, 64), (6, 64), (4, 64), (3, 64), (3, 48))
PIXELS = 9_000_000  # of all the strips on a page


@dataclass(frozen=True)
class Strip:
    """Images of one cluster in a row, for one reason."""

    kind: str
    members: Sequence[Member]


@dataclass(frozen=True)
class Sheet:
    """The strips of one cluster; ``cluster`` is None where no clustering ran."""

    cluster: int | None
    kept: int
    size: int
    strips: Sequence[Strip]


def form_for(stories: Sequence[ClassStory]) -> tuple[int, int]:
    """How many tiles a strip has, and how wide they are, on a page of these classes."""
    strips = sum(len(kinds_of(group)) for story in stories for group in story.clusters.values())
    for count, side in FORMS:
        if strips * count * side * side <= PIXELS:
            return count, side
    return FORMS[-1]


def across(count: int) -> int:
    """How many of the ``count`` tiles of a strip stand side by side.

    In two rows the tiles are as large on a narrow screen as one row is on a wide one.
    """
    return count if count <= 4 else -(-count // 2)


def kinds_of(group: Sequence[Member]) -> tuple[str, ...]:
    """The strips that say something: nothing is closest where no distance is known."""
    known = any(member.distance is not None for member in group)
    there = {
        "closest": known,
        "farthest": known,
        "picked": any(member.kept for member in group),
        "dropped": any(not member.kept for member in group),
    }
    # Where all are kept there is nothing to tell picked images from.
    there["picked"] &= there["dropped"] or not known
    return tuple(kind for kind in KINDS if there[kind])


def sheets_of(story: ClassStory, count: int) -> list[Sheet]:
    """The sheets of a class, with strips of at most ``count`` images."""
    return [
        Sheet(
            cluster,
            sum(member.kept for member in group),
            len(group),
            [Strip(kind, chosen(group, kind, count)) for kind in kinds_of(group)],
        )
        for cluster, group in story.clusters.items()
    ]


def chosen(group: Sequence[Member], kind: str, count: int) -> list[Member]:
    """At most ``count`` images of a cluster that is sorted by distance.

    The nearest first, the farthest first, or an even sample of the picked or dropped ones from the
    nearest to the farthest of them.
    """
    if kind in ("closest", "farthest"):
        known = [member for member in group if member.distance is not None]
        return known[:count] if kind == "closest" else known[::-1][:count]
    return evenly([member for member in group if member.kept == (kind == "picked")], count)


def evenly(members: Sequence[Member], count: int) -> list[Member]:
    """``count`` of ``members``, first and last among them, or all where there are no more."""
    if len(members) <= count:
        return list(members)
    if count == 1:
        return [members[0]]
    last = len(members) - 1
    return [members[round(place * last / (count - 1))] for place in range(count)]
