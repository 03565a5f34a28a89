"""How a long step tells that it moves, without knowing who watches.

Library functions take a ``Progress`` and wrap what they loop over; only the command line draws.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """Passes ``items`` on unchanged; ``what`` names the step, ``unit`` what is counted."""

    def __call__(
        self, items: Iterable[Item], *, total: int, what: str, unit: str
    ) -> Iterable[Item]: ...


def silent(items: Iterable[Item], *, total: int, what: str, unit: str) -> Iterable[Item]:
    """Shows nothing."""
    return items
