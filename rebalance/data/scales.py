"""The scale of a set of images, decided once for all of its files, and told to the user.

Imports the standard library and what says how deep images are.
"""

import logging
from collections.abc import Iterable, Sequence
from math import log2

from rebalance.data.levels import FAINT, FULL, UNIT, WHOLE, DepthScale, Levels, Window

log = logging.getLogger("rebalance")


def scale_of(levels: Iterable[Levels | None], known: DepthScale | None = None) -> DepthScale:
    """Decide the scale of the files with these levels, in any order, and say what it changes.

    known: the scale of an earlier step, by a manifest's record; it stays what it was.
    """
    deep = [each for each in levels if each is not None]
    scale = DepthScale.of(deep) if known is None else known
    for floats, window in ((False, scale.integers), (True, scale.floats)):
        of_kind = [each for each in deep if each.floats is floats]
        changed = [each for each in of_kind if scale.window(each) is not None]
        if window is not None and any(each.white is None for each in changed):
            log.warning("%s", _told(len(of_kind), window, floats=floats))
        faint = sum(_is_faint(each, scale) for each in of_kind)
        if faint * 2 > len(of_kind):
            log.warning(
                "%d of %d images with more than 8 bits show less than %d of 256 grey levels by the "
                "scale of the set: its brightest files may not belong to it",
                faint,
                len(of_kind),
                FAINT,
            )
    return scale


def held_against(levels: Sequence[Levels | None], trained: DepthScale) -> None:
    """Say where images to score would have another scale than those trained on, which they get."""
    own = DepthScale.of(levels)
    kinds = ((own.integers, trained.integers, WHOLE), (own.floats, trained.floats, UNIT))
    for found, used, full in kinds:
        if found is not None and found != (used or full):
            log.warning(
                "the images to score have values from %g to %g, and are scaled as those trained on "
                "are, %s: see whether both come from one source",
                *found,
                "each alone" if used is None else "from {:g} to {:g}".format(*used),
            )


def _told(count: int, window: Window, *, floats: bool) -> str:
    low, high = window
    bits = log2(high + 1) if low == 0 and not floats else 0.5
    if bits.is_integer() and high < FULL:
        return (
            f"{count} images have 16 bits a sample, of which the set uses {bits:.0f}: white is "
            f"{high:g} in all of them"
        )
    kind = "floats" if floats else "integers"
    return (
        f"{count} images hold {kind} that are no shares of a known white: black is {low:g} and "
        f"white {high:g} in all of them, as in the whole set"
    )


def _is_faint(levels: Levels, scale: DepthScale) -> bool:
    low, high = scale.window(levels) or levels.alone
    return 0 < levels.high - levels.low < (high - low) * FAINT / 256
