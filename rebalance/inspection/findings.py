"""What is wrong with images: one function for each kind of finding, one line each in ``KINDS``.

The table, the JSON and the gates of ``rebalance inspect`` follow from the registry.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rebalance.folder import ImageFolder, Unreadable
from rebalance.inspection.looks import LOW, Appearance, Look
from rebalance.inspection.similarity import similar

ELONGATED = 3  # times as long as wide; beyond, a square crop or resize loses most of the image
NAMED_AT_MOST = 4  # images that one line names


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
class Finding:
    """One thing that is wrong: the images it is about, and what is to be said of them.

    link: how one line shows what several images are to each other, ``=`` or ``~``.
    """

    images: tuple[Place, ...]
    detail: str = ""
    link: str = "="

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        images = [
            {
                "file_name": place.file_name,
                "label": place.label,
                "side": "against" if place.against else "data",
            }
            for place in self.images
        ]
        return {"images": images, "detail": self.detail}

    def __str__(self) -> str:
        """One line, control characters escaped; of many images the first few."""
        named = f" {self.link} ".join(map(str, self.images[:NAMED_AT_MOST]))
        more = len(self.images) - NAMED_AT_MOST
        text = f"{named} and {more} more" if more > 0 else named
        return f"{text}: {self.detail}" if self.detail else text


@dataclass(frozen=True)
class Gallery:
    """Everything there is to find things in: the images of DATA, then those compared against.

    unreadable: files of DATA that fail.
    """

    seen: Sequence[Seen]
    unreadable: Sequence[Unreadable] = ()

    @property
    def own(self) -> list[Seen]:
        """The images of DATA."""
        return [image for image in self.seen if not image.place.against]

    @cached_property
    def equal(self) -> list[list[Seen]]:
        """Groups of two or more images of equal content."""
        return _grouped((image.look.digest, image) for image in self.seen)

    @cached_property
    def alike(self) -> list[list[Seen]]:
        """Groups of images that look the same, of two or more contents.

        Of equal files in one class of one side, a group holds the first.
        """
        firsts: dict[Hashable, tuple[Appearance, Seen]] = {}
        for image in self.seen:
            if image.look.appearance is not None:
                key = image.look.digest, image.place.label, image.place.against
                firsts.setdefault(key, (image.look.appearance, image))
        numbers = _look_groups([appearance for appearance, _ in firsts.values()])
        images = [image for _, image in firsts.values()]
        groups = _grouped(zip(numbers, images, strict=True))
        return [group for group in groups if len({image.look.digest for image in group}) > 1]


def gallery(
    sides: Sequence[tuple[ImageFolder, Sequence[Look | None]]], unreadable: Sequence[Unreadable]
) -> Gallery:
    """DATA, and where it was given the folder compared against, each with what was seen of it."""
    seen = [
        Seen(Place(path, folder.classes[label], against=bool(side)), look)
        for side, (folder, looks) in enumerate(sides)
        for path, label, look in zip(folder.paths, folder.labels, looks, strict=True)
        if look is not None
    ]
    return Gallery(seen, unreadable)


def unreadable(images: Gallery) -> list[Finding]:
    """Files that cannot be decoded."""
    return [Finding((Place(image.path, image.label),), image.reason) for image in images.unreadable]


def duplicates(images: Gallery) -> list[Finding]:
    """Equal files in one class."""
    return _within_classes(images.equal)


def conflicts(images: Gallery) -> list[Finding]:
    """Equal files in different classes, of which one at most is right."""
    return _across_classes(images.equal)


def leakage(images: Gallery) -> list[Finding]:
    """Equal files in DATA and in the folder compared against."""
    return _across_sides(images.equal)


def near_duplicates(images: Gallery) -> list[Finding]:
    """Different files in one class that look the same."""
    return _within_classes(images.alike)


def near_conflicts(images: Gallery) -> list[Finding]:
    """Different files in different classes that look the same."""
    return _across_classes(images.alike)


def near_leakage(images: Gallery) -> list[Finding]:
    """Different files in DATA and in the folder compared against that look the same."""
    return _across_sides(images.alike)


def uniform(images: Gallery) -> list[Finding]:
    """Images with nearly nothing to see."""
    return [
        Finding((image.place,), f"contrast {image.look.contrast:.1f} of 255")
        for image in images.own
        if image.look.uniform
    ]


def elongated(images: Gallery) -> list[Finding]:
    """Images more than three times as long as wide, or as wide as long."""
    return [
        Finding((image.place,), "{}x{} pixels".format(*image.look.size))
        for image in images.own
        if max(image.look.size) > ELONGATED * min(image.look.size)
    ]


@dataclass(frozen=True)
class Kind:
    """A kind of finding: how it is found, and what it is in a few words.

    needs_against: whether it is about two folders.
    """

    find: Callable[[Gallery], list[Finding]]
    meaning: str
    needs_against: bool = False


KINDS = {
    "unreadable": Kind(unreadable, "cannot be read"),
    "duplicates": Kind(duplicates, "equal files in one class"),
    "conflicts": Kind(conflicts, "equal files in different classes"),
    "leakage": Kind(leakage, "equal files on both sides", needs_against=True),
    "near-duplicates": Kind(near_duplicates, "different files in one class that look the same"),
    "near-conflicts": Kind(near_conflicts, "look the same, in different classes"),
    "near-leakage": Kind(near_leakage, "look the same, on both sides", needs_against=True),
    "uniform": Kind(uniform, "nearly nothing to see"),
    "elongated": Kind(elongated, "more than 3 times as long as wide, or the reverse"),
}


def find_all(images: Gallery) -> dict[str, tuple[Finding, ...]]:
    """Every kind of ``KINDS`` by its name, each in the order of the images."""
    return {name: tuple(kind.find(images)) for name, kind in KINDS.items()}


def _look_groups(appearances: Sequence[Appearance]) -> list[int]:
    hashes = np.array([each.bits for each in appearances], np.uint64)
    pixels = np.frombuffer(b"".join(each.miniature for each in appearances), np.uint8)
    return similar(hashes, pixels.reshape(len(appearances), LOW * LOW))


def _grouped(keyed: Iterable[tuple[Hashable, Seen]]) -> list[list[Seen]]:
    groups = defaultdict(list)
    for key, image in keyed:
        groups[key].append(image)
    return [group for group in groups.values() if len(group) > 1]


def _about(group: Sequence[Seen]) -> Finding:
    equal = len({image.look.digest for image in group}) == 1
    return Finding(tuple(image.place for image in group), link="=" if equal else "~")


def _own(group: Sequence[Seen]) -> list[Seen]:
    return [image for image in group if not image.place.against]


def _within_classes(groups: Iterable[Sequence[Seen]]) -> list[Finding]:
    return [
        _about(members)
        for group in groups
        for members in _grouped((image.place.label, image) for image in _own(group))
    ]


def _across_classes(groups: Iterable[Sequence[Seen]]) -> list[Finding]:
    every = map(_own, groups)
    return [_about(group) for group in every if len({image.place.label for image in group}) > 1]


def _across_sides(groups: Iterable[Sequence[Seen]]) -> list[Finding]:
    return [_about(group) for group in groups if len({image.place.against for image in group}) > 1]
