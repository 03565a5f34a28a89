"""The layout of the page of a manifest: which classes and images fit, and how large they are.

Imports numpy and nothing heavier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.quotas import allot
from rebalance.reports.manifests.members import ClassHistory, Member, eventful

CLASSES = 24  # with a section of their own: those that lost or gained the most
SUSPECTS = 24  # images that are shown
KINDS = ("closest", "farthest", "picked", "dropped")
# Tiles in a strip, and their side: the first with which all strips fit into the pixels below.
FORMS = ((8, 96), (8, 64), (6, 64), (4, 64), (3, 64), (3, 48))
PIXELS = 9_000_000  # of all the strips on a page
BLEND_FORMS = ((12, 96), (24, 64))  # classes that grow, and the side of a tile for so many
POINTS = 3000  # points with a picture, over the page
POINT_SIDES = (96, 64, 48)  # of a point's picture: the first with which all fit into these pixels
POINT_PIXELS = 5_000_000
NAMES = 1_500_000  # letters of names over the page; beyond, only points with a picture have one


@dataclass(frozen=True)
class Scope:
    """The classes with a section, in class order, and the form of their pictures.

    points: for each class the positions of the points that have a picture. count: how many tiles a
    strip has. sheet_side, hover_side, blend_side: of a tile, in pixels. all_named: whether every
    point has a name. hidden: how many classes changed and are not shown. suspects: files that look
    out of place, to be shown.
    """

    stories: Sequence[ClassHistory]
    points: Sequence[Sequence[int]]
    count: int
    sheet_side: int
    hover_side: int
    blend_side: int
    all_named: bool
    hidden: int
    suspects: Sequence[str] = ()


def scope_of(stories: Sequence[ClassHistory], suspects: Sequence[str] = ()) -> Scope:
    """Choose the classes that changed most, and what of them fits on a page.

    Those that did not change come last; none of them counts as hidden.
    """
    ranked = sorted(stories, key=lambda story: (-story.dropped - len(story.added), story.number))
    shown = sorted(ranked[:CLASSES], key=lambda story: story.number)
    shares = shares_of_points(shown)
    count, side = form_for(shown)
    return Scope(
        shown,
        [pictured(*each) for each in zip(shown, shares, strict=True)],
        count,
        side,
        point_side(sum(shares)),
        blend_side(sum(bool(story.added) for story in shown)),
        named_fully(shown),
        len(eventful(stories)) - len(eventful(shown)),
        suspects[:SUSPECTS],
    )


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


def form_for(stories: Sequence[ClassHistory]) -> tuple[int, int]:
    """Choose how many tiles a strip has, and how wide they are, on a page of these classes."""
    strips = sum(len(kinds_of(group)) for story in stories for group in story.clusters.values())
    for count, side in FORMS:
        if strips * count * side * side <= PIXELS:
            return count, side
    return FORMS[-1]


def across(count: int) -> int:
    """Return how many of the ``count`` tiles of a strip stand side by side.

    In two rows the tiles are as large on a narrow screen as one row is on a wide one.
    """
    return count if count <= 4 else -(-count // 2)


def kinds_of(group: Sequence[Member]) -> tuple[str, ...]:
    """List the strips that say something.

    Nothing is closest where no distance is known; and where the images picked are the closest, or
    the farthest ones, their strip shows both.
    """
    known = any(member.distance is not None for member in group)
    there = {
        "closest": known and not _picked_first(group),
        "farthest": known and not _picked_first(group[::-1]),
        "picked": any(member.kept for member in group),
        "dropped": any(not member.kept for member in group),
    }
    # Where all are kept there is nothing to tell picked images from.
    there["picked"] &= there["dropped"] or not known
    return tuple(kind for kind in KINDS if there[kind])


def _picked_first(group: Sequence[Member]) -> bool:
    """Tell whether some are dropped, all distances are known, and all picked ones come first."""
    count = sum(member.kept for member in group)
    return (
        0 < count < len(group)
        and all(member.distance is not None for member in group)
        and all(member.kept for member in group[:count])
    )


def sheets_of(story: ClassHistory, count: int) -> list[Sheet]:
    """Make the sheets of a class, with strips of at most ``count`` images."""
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
    """Choose at most ``count`` images of a cluster that is sorted by distance.

    The nearest first, the farthest first, or an even sample of the picked or dropped ones from the
    nearest to the farthest of them.
    """
    if kind in ("closest", "farthest"):
        known = [member for member in group if member.distance is not None]
        return known[:count] if kind == "closest" else known[::-1][:count]
    return evenly([member for member in group if member.kept == (kind == "picked")], count)


def evenly(members: Sequence[Member], count: int) -> list[Member]:
    """Choose ``count`` of ``members``, first and last among them, or all if there are no more."""
    if len(members) <= count:
        return list(members)
    if count == 1:
        return [members[0]]
    last = len(members) - 1
    return [members[round(place * last / (count - 1))] for place in range(count)]


def blend_side(growing: int) -> int:
    """Return the side of a tile in pixels on a page where so many classes grow."""
    return next((side for classes, side in BLEND_FORMS if growing <= classes), BLEND_FORMS[-1][1])


def shares_of_points(stories: Sequence[ClassHistory], total: int = POINTS) -> list[int]:
    """Return how many points on each map get a picture: as equal a number as there can be."""
    sizes = [len(story.placed) for story in stories]
    return allot(sizes, min(total, sum(sizes))) if sizes else []


def point_side(pictures: int) -> int:
    """Return the side in pixels of each picture, where there are so many ``pictures``."""
    return next(
        (side for side in POINT_SIDES if pictures * side * side <= POINT_PIXELS), POINT_SIDES[-1]
    )


def pictured(story: ClassHistory, count: int) -> list[int]:
    """Choose the placed images that get a picture, as positions, picked ones first."""
    numbered = {id(member): place for place, member in enumerate(story.placed)}
    ranked = [member for group in story.clusters.values() for member in group]
    picked = evenly([member for member in ranked if member.kept], count)
    rest = count - len(picked)
    dropped = evenly([member for member in ranked if not member.kept], rest) if rest else []
    return [numbered[id(member)] for member in (*picked, *dropped)]


def named_fully(stories: Sequence[ClassHistory]) -> bool:
    """Tell whether there is room for the names of all points."""
    letters = 0
    for story in stories:
        names = [member.file_name for member in story.placed]
        letters += sum(map(len, names)) - len(names) * len(common_start(names))
    return letters <= NAMES


def common_start(names: Sequence[str]) -> str:
    """Return the text that all names begin with."""
    if not names:
        return ""
    low, high = min(names), max(names)
    parted = (
        place for place, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]
    )
    return low[: next(parted, len(low))]
