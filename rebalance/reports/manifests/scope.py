"""What there is room for on the page of a manifest: which classes, and how large their pictures.

Imports numpy and nothing heavier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.reports.manifests import blends, hover, sheets
from rebalance.reports.manifests.members import ClassStory

CLASSES = 24  # with a section of their own: those that lost or gained the most
SUSPECTS = 24  # images that are shown


@dataclass(frozen=True)
class Scope:
    """The classes with a section, in class order, and the form of their pictures.

    points: for each class the positions of the points that have a picture. count: how many tiles a
    strip has. sheet_side, hover_side, blend_side: of a tile, in pixels. all_named: whether every
    point has a name. hidden: how many classes changed and are not shown. suspects: files that look
    out of place, to be shown.
    """

    stories: Sequence[ClassStory]
    points: Sequence[Sequence[int]]
    count: int
    sheet_side: int
    hover_side: int
    blend_side: int
    all_named: bool
    hidden: int
    suspects: Sequence[str] = ()


def scope_of(stories: Sequence[ClassStory], suspects: Sequence[str] = ()) -> Scope:
    """The classes that changed most, and what of them fits on a page."""
    ranked = sorted(stories, key=lambda story: (-story.dropped - len(story.added), story.number))
    shown = sorted(ranked[:CLASSES], key=lambda story: story.number)
    shares = hover.shares(shown)
    count, side = sheets.form_for(shown)
    return Scope(
        shown,
        [hover.pictured(*each) for each in zip(shown, shares, strict=True)],
        count,
        side,
        hover.side_for(sum(shares)),
        blends.side_for(sum(bool(story.added) for story in shown)),
        hover.named_fully(shown),
        len(stories) - len(shown),
        suspects[:SUSPECTS],
    )
