"""The class size that a user asks for: a word, a number, or a multiple.

Imports nothing but the standard library and our errors.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from rebalance.errors import TargetError, shown
from rebalance.settings.numbers import LARGEST

_SIZE = re.compile(r"(?P<word>[a-z]+)|(?P<count>\d+)|(?P<ratio>\d+(\.\d+)?)x", re.IGNORECASE)
_DIGITS = 30  # of a number, at most: Python itself refuses thousands of them


@dataclass(frozen=True)
class WantedSize:
    """A size as it was asked for: a count, or so many times a reference."""

    text: str
    count: int | None
    ratio: Fraction = Fraction(1)

    def of(self, reference: int) -> int:
        """The size in images, rounded down exactly; TargetError for one below 1."""
        size = floor(self.ratio * reference) if self.count is None else self.count
        if size < 1:
            raise TargetError(f"every class needs at least 1 image; {self.text!r} asks for {size}")
        return size


def read_size(to: str, word: str = "min") -> WantedSize:
    """Read ``word``, a number, or ``Rx``. Raises TargetError for any other text."""
    match = _SIZE.fullmatch(to.strip()) if isinstance(to, str) and len(to) <= _DIGITS else None
    if match is None or (match["word"] and match["word"].lower() != word):
        raise TargetError(
            f"a target is {word}, a number, or Rx such as 2x or 1.5x; got {shown(to)}"
        )
    if match["word"]:
        return WantedSize(to, None)
    number = Fraction(match["count"] or match["ratio"])
    if number > LARGEST:
        raise TargetError(f"a target is at most {LARGEST}; got {to!r}")
    if not number:
        raise TargetError(f"every class needs at least 1 image; {to!r} asks for 0")
    return WantedSize(to, int(number)) if match["count"] else WantedSize(to, None, number)


def size_of_a_phase(to: str) -> WantedSize:
    """Read what classes are cut or raised to; which of the two, is said elsewhere."""
    try:
        return size_to_keep(to)
    except TargetError:
        if isinstance(to, str) and to.strip().lower() == "max":
            return size_to_reach(to)
        raise


def size_to_keep(to: str) -> WantedSize:
    """Read what a class is to be cut to: the smallest class is ``min``."""
    return read_size(to, "min")


def size_to_reach(to: str) -> WantedSize:
    """Read what a class is to be raised to: the largest class is ``max``."""
    return read_size(to, "max")
