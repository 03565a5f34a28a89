"""The images to find things in: where each is, what was seen of it, which belong together."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.inspection.looks import LOW, Appearance, Look
from rebalance.inspection.resemblance import Resemblance, cosines, resembling
from rebalance.inspection.similarity import Positions, similar


@dataclass(frozen=True)
class Place:
    """Where an image is: its path and class, and whether it is of the folder compared against."""

    file_name: str
    label: str
    against: bool = False

    def __str__(self) -> str:
        return f"{self.file_name!r} (against)" if self.against else repr(self.file_name)


@dataclass(frozen=True)
class Seen:
    """A readable image: where it is, and what was seen of it."""

    place: Place
    look: Look


@dataclass(frozen=True)
class Gallery:
    """Everything there is to find things in: the images of DATA, then those compared against.

    unreadable: files of DATA that fail. resemblance: the features of ``seen``, where they are to be
    compared.
    """

    seen: Sequence[Seen]
    unreadable: Sequence[Unreadable] = ()
    resemblance: Resemblance | None = None

    @property
    def own(self) -> list[Seen]:
        """The images of DATA."""
        return [image for image in self.seen if not image.place.against]

    @cached_property
    def equal(self) -> list[list[Seen]]:
        """Groups of two or more images of equal content."""
        return grouped((image.look.digest, image) for image in self.seen)

    @cached_property
    def alike(self) -> list[list[Seen]]:
        """Groups of images that look the same, of two or more contents.

        Of equal files in one class of one side, a group holds the first.
        """
        firsts = self._firsts([image for image in self.seen if image.look.appearance is not None])
        looks = [image.look.appearance for image in firsts if image.look.appearance is not None]
        return _of_several_contents(grouped(zip(_look_groups(looks), firsts, strict=True)))

    @cached_property
    def resembling(self) -> list[list[Seen]]:
        """Groups of images with similar features, of two or more contents; none without features.

        Equal files count as in ``alike``.
        """
        if self.resemblance is None:
            return []
        firsts = self._firsts(self.seen)
        features = self.resemblance.features.take(self._positions(firsts))
        groups = resembling(features, self.resemblance.threshold, self.resemblance.progress)
        return _of_several_contents([[firsts[place] for place in group] for group in groups])

    def cosines(self, places: Sequence[Place]) -> list[float]:
        """Of features, where there are any: that of the first image to each of the others."""
        if self.resemblance is None:
            return []
        first, *others = (self._place_of[place] for place in places)
        found: list[float] = cosines(self.resemblance.features, first, np.array(others)).tolist()
        return found

    @cached_property
    def _place_of(self) -> dict[Place, int]:
        return {image.place: position for position, image in enumerate(self.seen)}

    def _positions(self, images: Sequence[Seen]) -> Positions:
        return np.array([self._place_of[image.place] for image in images], np.intp)

    @staticmethod
    def _firsts(images: Iterable[Seen]) -> list[Seen]:
        """Of equal files in one class of one side, the first."""
        firsts: dict[Hashable, Seen] = {}
        for image in images:
            firsts.setdefault((image.look.digest, image.place.label, image.place.against), image)
        return list(firsts.values())


def gallery(
    sides: Sequence[tuple[ImageFolder, Sequence[Look | None]]],
    unreadable: Sequence[Unreadable],
    resemblance: Resemblance | None = None,
) -> Gallery:
    """DATA, and where it was given the folder compared against, each with what was seen of it.

    resemblance: with the features of all images that were seen, in that order.
    """
    seen = [
        Seen(Place(path, folder.classes[label], against=bool(side)), look)
        for side, (folder, looks) in enumerate(sides)
        for path, label, look in zip(folder.paths, folder.labels, looks, strict=True)
        if look is not None
    ]
    return Gallery(seen, unreadable, resemblance)


def _look_groups(appearances: Sequence[Appearance]) -> list[int]:
    hashes = np.array([each.bits for each in appearances], np.uint64)
    pixels = np.frombuffer(b"".join(each.miniature for each in appearances), np.uint8)
    return similar(hashes, pixels.reshape(len(appearances), LOW * LOW))


def grouped(keyed: Iterable[tuple[Hashable, Seen]]) -> list[list[Seen]]:
    groups = defaultdict(list)
    for key, image in keyed:
        groups[key].append(image)
    return [group for group in groups.values() if len(group) > 1]


def _of_several_contents(groups: Iterable[list[Seen]]) -> list[list[Seen]]:
    return [group for group in groups if len({image.look.digest for image in group}) > 1]
