"""Images that only repeat others: known ones, or each other.

An image repeats another where their files are equal, or where both look the same as ``rebalance
inspect`` finds it. Works on descriptions of images alone: reads no files, and may not import torch
or click.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.inspection.description import LOW, ImageDescription
from rebalance.inspection.similarity import BITS, CORRELATION, similar

Positions = NDArray[np.intp]


def copies_of(
    images: Sequence[ImageDescription], known: Sequence[ImageDescription]
) -> dict[int, int]:
    """Return which ``images`` repeat one of those ``known``, each with the first that it repeats.

    Both are positions, the first rising; an equal file comes before images that only look the same.
    Whether two images look the same is asked of each pair itself: a chain of others between them
    makes them no copies.
    """
    first: dict[bytes, int] = {}
    for place, each in enumerate(known):
        first.setdefault(each.digest, place)
    found = {place: first[it.digest] for place, it in enumerate(images) if it.digest in first}
    for group in _Looks([*known, *images]).groups():
        there = group.only(group.places < len(known))
        new = group.only(group.places >= len(known))
        for place, bits, direction in new if len(there.places) else ():
            alike = there.places[there.alike(bits, direction)]
            if len(alike):
                found.setdefault(place - len(known), int(alike[0]))
    return dict(sorted(found.items()))


def copies_among(images: Sequence[ImageDescription]) -> dict[int, int]:
    """Return which images repeat an earlier one that stays, each with the first such.

    What stays repeats no other that does.
    """
    first: dict[bytes, int] = {}
    stays = {place: first.setdefault(it.digest, place) for place, it in enumerate(images)}
    gone: dict[int, int] = {}
    for group in _Looks(images).groups():
        rest = group.only(np.array([stays[place] == place for place in group.places.tolist()]))
        while len(rest.places):
            (first_of_rest, bits, direction), *_ = rest
            alike = rest.alike(bits, direction)
            gone |= dict.fromkeys(rest.places[alike].tolist(), first_of_rest)
            alike[0] = True  # rounding shall not keep it among the rest
            rest = rest.only(~alike)
    found = {place: gone.get(other, other) for place, other in stays.items()}
    return {place: other for place, other in found.items() if other != place}


class _Group:
    """Images that may look the same: their rising positions, their hashes and their directions."""

    def __init__(
        self, places: Positions, hashes: NDArray[np.uint64], directions: NDArray[np.float64]
    ) -> None:
        self.places, self._hashes, self._directions = places, hashes, directions

    def __iter__(self) -> Iterator[tuple[int, np.uint64, NDArray[np.float64]]]:
        return zip(self.places.tolist(), self._hashes, self._directions, strict=True)

    def only(self, chosen: NDArray[np.bool_]) -> "_Group":
        return _Group(self.places[chosen], self._hashes[chosen], self._directions[chosen])

    def alike(self, bits: np.uint64, direction: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which of its images look the same as one of this hash and direction."""
        different = np.unpackbits((self._hashes ^ bits).view(np.uint8).reshape(-1, 8), axis=1)
        alike: NDArray[np.bool_] = different.sum(axis=1) <= BITS
        return alike & (self._directions @ direction >= CORRELATION)


class _Looks:
    """What images look like, but for those that show nearly nothing."""

    def __init__(self, images: Sequence[ImageDescription]) -> None:
        seen = [(place, it.appearance) for place, it in enumerate(images) if it.appearance]
        pixels = np.frombuffer(b"".join(look.miniature for _, look in seen), np.uint8)
        self._miniatures = pixels.reshape(len(seen), LOW * LOW)
        self._places = np.array([place for place, _ in seen], np.intp)
        self._hashes = np.array([look.bits for _, look in seen], np.uint64)

    def groups(self) -> Iterator[_Group]:
        """Yield groups of two or more, such that what looks the same is in one."""
        numbered = defaultdict(list)
        for row, number in enumerate(similar(self._hashes, self._miniatures)):
            numbered[number].append(row)
        for rows in numbered.values():
            if len(rows) > 1:
                centred = self._miniatures[rows] - self._miniatures[rows].mean(axis=1)[:, None]
                lengths = np.linalg.norm(centred, axis=1, keepdims=True)
                directions = centred / np.maximum(lengths, 1e-6)
                yield _Group(self._places[rows], self._hashes[rows], directions)
