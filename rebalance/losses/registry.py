"""A dictionary of losses that loads a class when it is taken, and not when its names are read.

Imports nothing but the standard library.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rebalance.losses.loss import Loss


class LossRegistry(MutableMapping[str, "type[Loss]"]):
    """Names and the classes that they stand for.

    An entry is a class, or where it is found, as ``"module:Class"``; the module is imported, and
    torch with it, only when the class is asked for.
    """

    def __init__(self, entries: "Mapping[str, str | type[Loss]]") -> None:
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> "type[Loss]":
        entry = self._entries[name]
        return self._loaded(entry) if isinstance(entry, str) else entry

    def __setitem__(self, name: str, entry: "str | type[Loss]") -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def class_named(self, name: str) -> "type[Loss] | None":
        """The loss whose class has this name; None where no entry's has."""
        for key, entry in self._entries.items():
            found = entry.partition(":")[2] if isinstance(entry, str) else entry.__name__
            if found == name:
                return self[key]
        return None

    @staticmethod
    def _loaded(place: str) -> "type[Loss]":
        module, _, name = place.partition(":")
        found: type[Loss] = getattr(import_module(module), name)
        return found
