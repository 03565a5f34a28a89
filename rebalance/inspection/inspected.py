"""The images of an inspection: where each one is, how it looks, and which ones belong together."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.inspection.description import LOW, Appearance, ImageDescription
from rebalance.inspection.resemblance import Resemblance, cosines, resembling
from rebalance.inspection.similarity import Positions, similar


@dataclass(frozen=True)
class ImagePlace:
    """The path and the class of an image, and whether it is in the folder compared against."""

    file_name: str
    label: str
    against: bool = False

    def __str__(self) -> str:
        return f"{self.file_name!r} (against)" if self.against else repr(self.file_name)


@dataclass(frozen=True)
class InspectedImage:
    """A readable image: its place and its description."""

    place: ImagePlace
    description: ImageDescription


@dataclass(frozen=True)
class InspectedImages:
    """The images that an inspection looks at: those of DATA, then those it is compared against.

    readable: the images that could be decoded. unreadable: the files of DATA that could not.
    resemblance: the features of ``readable``; None where features are not compared.
    """

    readable: Sequence[InspectedImage]
    unreadable: Sequence[Unreadable] = ()
    resemblance: Resemblance | None = None

    @property
    def own(self) -> list[InspectedImage]:
        """The images of DATA."""
        return [image for image in self.readable if not image.place.against]

    @cached_property
    def equal(self) -> list[list[InspectedImage]]:
        """Groups of two or more images of equal content."""
        return grouped((image.description.digest, image) for image in self.readable)

    @cached_property
    def alike(self) -> list[list[InspectedImage]]:
        """Groups of images that look the same but are not all equal files.

        Where a class of one side holds equal files, the group has the first of them.
        """
        firsts = self._firsts(
            [image for image in self.readable if image.description.appearance is not None]
        )
        appearances = [
            image.description.appearance
            for image in firsts
            if image.description.appearance is not None
        ]
        return _of_several_contents(
            grouped(zip(_groups_by_appearance(appearances), firsts, strict=True))
        )

    @cached_property
    def resembling(self) -> list[list[InspectedImage]]:
        """Groups of images with similar features that are not all equal files.

        There are none without features. Equal files count as in ``alike``.
        """
        if self.resemblance is None:
            return []
        firsts = self._firsts(self.readable)
        features = self.resemblance.features.take(self._positions(firsts))
        groups = resembling(features, self.resemblance.threshold, self.resemblance.progress)
        return _of_several_contents([[firsts[place] for place in group] for group in groups])

    def cosines(self, places: Sequence[ImagePlace]) -> list[float]:
        """Return the cosine of the first image's features to those of each other image.

        The list is empty where features are not compared.
        """
        if self.resemblance is None:
            return []
        first, *others = (self._place_of[place] for place in places)
        found: list[float] = cosines(self.resemblance.features, first, np.array(others)).tolist()
        return found

    @cached_property
    def _place_of(self) -> dict[ImagePlace, int]:
        return {image.place: position for position, image in enumerate(self.readable)}

    def _positions(self, images: Sequence[InspectedImage]) -> Positions:
        return np.array([self._place_of[image.place] for image in images], np.intp)

    @staticmethod
    def _firsts(images: Iterable[InspectedImage]) -> list[InspectedImage]:
        """Drop all but the first of equal files in one class of one side."""
        firsts: dict[Hashable, InspectedImage] = {}
        for image in images:
            firsts.setdefault(
                (image.description.digest, image.place.label, image.place.against), image
            )
        return list(firsts.values())


def inspected_images(
    sides: Sequence[tuple[ImageFolder, Sequence[ImageDescription | None]]],
    unreadable: Sequence[Unreadable],
    resemblance: Resemblance | None = None,
) -> InspectedImages:
    """Gather the images of DATA and, as a second side, those of the folder compared against.

    sides: each folder with the descriptions of its images, None for one that cannot be read.
    resemblance: the features of all readable images, in the same order.
    """
    readable = [
        InspectedImage(ImagePlace(path, folder.classes[label], against=bool(side)), description)
        for side, (folder, descriptions) in enumerate(sides)
        for path, label, description in zip(folder.paths, folder.labels, descriptions, strict=True)
        if description is not None
    ]
    return InspectedImages(readable, unreadable, resemblance)


def _groups_by_appearance(appearances: Sequence[Appearance]) -> list[int]:
    hashes = np.array([each.bits for each in appearances], np.uint64)
    pixels = np.frombuffer(b"".join(each.miniature for each in appearances), np.uint8)
    return similar(hashes, pixels.reshape(len(appearances), LOW * LOW))


def grouped(keyed: Iterable[tuple[Hashable, InspectedImage]]) -> list[list[InspectedImage]]:
    """Return the groups of two or more images that have the same key."""
    groups = defaultdict(list)
    for key, image in keyed:
        groups[key].append(image)
    return [group for group in groups.values() if len(group) > 1]


def _of_several_contents(groups: Iterable[list[InspectedImage]]) -> list[list[InspectedImage]]:
    return [group for group in groups if len({image.description.digest for image in group}) > 1]
