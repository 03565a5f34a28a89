"""The look of one of several runs in every figure, and how names are written in figures.

May not import torch or click, nor matplotlib.
"""

from typing import Any, NamedTuple

from rebalance.figures.canvas import MARKERS, PALETTE

DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.5)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)
LONGEST = 28  # characters of a name


class Stroke(NamedTuple):
    """A colour, a marker and a dash for matplotlib; any one of them separates neighbours."""

    colour: str
    marker: str
    dash: Any


def stroke(place: int) -> Stroke:
    """Return the stroke of the run at ``place``, from 0; 45 of them differ."""
    return Stroke(
        PALETTE[place % len(PALETTE)],
        MARKERS[place % len(MARKERS)],
        DASHES[place % len(DASHES)],
    )


def legible(name: str, longest: int = LONGEST) -> str:
    """Return the name as matplotlib should write it: on one line, the middle left out if long.

    What cannot be printed is escaped, and nothing in it is taken for mathematics or for a label
    that a legend leaves out.
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    if len(text) > longest:
        kept = longest - 1
        text = text[: kept - kept // 2] + "…" + text[len(text) - kept // 2 :]
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")
