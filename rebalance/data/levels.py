"""Levels say how bright the pixels of deep images are: of one file, and of a whole set.

Files of 16 bits often hold 10, 12 or 14, and floats lie in any range. What is white cannot be told
from one file, which may be a dark one: it is told by all the files of a set, or by a file's own
header. Imports numpy and the standard library.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from rebalance.records import ScaleRecord

Window = tuple[float, float]  # the values that become black and white

FULL = 65535
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners have
FAINT = 16  # grey levels of 256 below which an image shows hardly anything
UNIT: Window = (0.0, 1.0)
WHOLE: Window = (0.0, float(FULL))


@dataclass(frozen=True)
class Levels:
    """The finite values in a file with more than 8 bits a sample.

    low, high: the least and the greatest; for colours of 16 bits their high bytes alone are looked
    at. white: what the header says is white; None where it does not. floats: whether they are.
    """

    low: float
    high: float
    white: float | None = None
    floats: bool = False

    @property
    def alone(self) -> Window:
        """Return what becomes black and white where nothing is known but this file."""
        full = UNIT if self.floats else WHOLE
        within = self.low >= full[0] and self.high <= full[1]
        return full if within else (self.low, self.high)


@dataclass(frozen=True)
class DepthScale:
    """The values that become black and white in all images of a set.

    integers, floats: of images that hold these; None where there is no such image, and each that
    comes is taken alone.
    """

    integers: Window | None = None
    floats: Window | None = None

    @classmethod
    def of(cls, levels: Iterable[Levels | None]) -> "DepthScale":
        """Find the scale of a set by the levels of its files, in any order.

        Integers that fit into 16 bits are scaled by the first of ``DEPTHS`` that holds all of
        them; so are floats from 0 to 1, as shares of the 16 bits that they were once. Others reach
        from the least value of the set to its greatest. Files that say what is white, None and
        files without a finite value do not count.

        >>> from rebalance.data.levels import Levels, DepthScale
        >>> DepthScale.of([Levels(3, 900), Levels(0, 3800)]).integers
        (0.0, 4095.0)
        """
        told = [each for each in levels if each and each.white is None and each.low <= each.high]
        return cls(
            _window([each for each in told if not each.floats], WHOLE),
            _window([each for each in told if each.floats], UNIT),
        )

    def window(self, levels: Levels | None) -> Window | None:
        """Return what becomes black and white in a file of this set.

        None is what it always was: for a file of 8 bits, and for one that the set changes nothing
        about.
        """
        if levels is None:
            return None
        if levels.white is not None:
            found: Window | None = (0.0, levels.white)
        else:
            found = self.floats if levels.floats else self.integers
        return None if found == levels.alone else found

    def key(self, digest: bytes, levels: Levels | None) -> bytes:
        """Return what an image is known by as it is decoded: its file's digest, if that is all."""
        window = self.window(levels)
        if window is None:
            return digest
        return blake2b(
            digest + repr([*map(float, window)]).encode(), digest_size=len(digest)
        ).digest()

    def as_record(self) -> ScaleRecord:
        """Return the scale as JSON types; {} for a set of files of 8 bits."""
        record: ScaleRecord = {}
        if self.integers is not None:
            record["integers"] = list(self.integers)
        if self.floats is not None:
            record["floats"] = list(self.floats)
        return record

    @classmethod
    def from_record(cls, record: Any) -> "DepthScale | None":
        """Read what ``as_record`` gave; None where that is no scale, or says nothing."""
        if not isinstance(record, dict) or not record:
            return None
        try:
            return cls(_pair(record.get("integers")), _pair(record.get("floats")))
        except (TypeError, ValueError):
            return None


EACH_ALONE = DepthScale()


def _pair(found: Any) -> Window | None:
    if found is None:
        return None
    low, high = map(float, found)
    return low, high


def _window(levels: list[Levels], full: Window) -> Window | None:
    """Return what becomes black and white in all of these files; None where there are none."""
    if not levels:
        return None
    low, high = min(each.low for each in levels), max(each.high for each in levels)
    if low < full[0] or high > full[1]:
        return low, high
    needed = round(high / full[1] * FULL).bit_length()
    bits = next(depth for depth in DEPTHS if depth >= needed)
    return full if bits == DEPTHS[-1] else (0.0, (2**bits - 1) / FULL * full[1])
