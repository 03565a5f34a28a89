"""The progress of a long step and its warnings, reported without knowing who watches.

Library functions take a ``Progress`` and wrap what they loop over; only the command line draws.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from rebalance.errors import NAMED, some

log = logging.getLogger("rebalance")

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


def warn_of_classes(told: Mapping[Any, str]) -> None:
    """Warn of classes in the log, each by its name and a sentence.

    Of more than ``errors.NAMED`` classes there is one warning: how many they are, and the first.
    """
    if len(told) > NAMED:
        name, sentence = next(iter(told.items()))
        log.warning(
            "%d classes such as %r: %s; the others are %s",
            len(told),
            name,
            sentence,
            some([*told][1:]),
        )
        return
    for name, sentence in told.items():
        log.warning("class %r: %s", name, sentence)
