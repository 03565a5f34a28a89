"""The progress of a long step, reported without knowing who watches.

Library functions take a ``Progress`` and wrap what they loop over; only the command line draws.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """A function that passes ``items`` on unchanged, and may show how far they are.

    what: names the step. unit: names what is counted.
    """

    def __call__(
        self, items: Iterable[Item], *, total: int, what: str, unit: str
    ) -> Iterable[Item]: ...


def silent(items: Iterable[Item], *, total: int, what: str, unit: str) -> Iterable[Item]:
    """Pass the items on, and show nothing."""
    return items
