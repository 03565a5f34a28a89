"""The kinds of findings about images: a function for each kind, and its line in ``KINDS``.

The table, the JSON and the gates of ``rebalance inspect`` follow from the registry.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rebalance.inspection.inspected import ImagePlace, InspectedImage, InspectedImages, grouped
from rebalance.records import FindingRecord, FoundImage

ELONGATED = 3  # times as long as wide; beyond, a square crop or resize loses most of the image
NAMED_AT_MOST = 4  # images that one line names


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with some images, and what there is to say about it.

    link: how one line shows what several images are to each other: ``=`` equal, ``~`` alike, ``≈``
    similar.
    """

    images: tuple[ImagePlace, ...]
    detail: str = ""
    link: str = "="

    def as_record(self) -> FindingRecord:
        """Return the finding as JSON types."""
        images: list[FoundImage] = [
            {
                "file_name": place.file_name,
                "label": place.label,
                "side": "against" if place.against else "data",
            }
            for place in self.images
        ]
        return {"images": images, "detail": self.detail}

    def __str__(self) -> str:
        """One line of text: control characters are escaped, and only the first few images named."""
        named = f" {self.link} ".join(map(str, self.images[:NAMED_AT_MOST]))
        more = len(self.images) - NAMED_AT_MOST
        text = f"{named} and {more} more" if more > 0 else named
        return f"{text}: {self.detail}" if self.detail else text


def unreadable(images: InspectedImages) -> list[Finding]:
    """Find the files that cannot be decoded."""
    return [
        Finding((ImagePlace(image.path, image.label),), image.reason) for image in images.unreadable
    ]


def duplicates(images: InspectedImages) -> list[Finding]:
    """Find equal files in one class."""
    return _within_classes(images.equal)


def conflicts(images: InspectedImages) -> list[Finding]:
    """Find equal files in different classes, at most one of which is right."""
    return _across_classes(images.equal)


def leakage(images: InspectedImages) -> list[Finding]:
    """Find equal files in DATA and in the folder compared against."""
    return _across_sides(images.equal)


def near_duplicates(images: InspectedImages) -> list[Finding]:
    """Find different files in one class that look the same."""
    return _within_classes(images.alike)


def near_conflicts(images: InspectedImages) -> list[Finding]:
    """Find different files in different classes that look the same."""
    return _across_classes(images.alike)


def near_leakage(images: InspectedImages) -> list[Finding]:
    """Find different files in DATA and in the other folder that look the same."""
    return _across_sides(images.alike)


def similar(images: InspectedImages) -> list[Finding]:
    """Find different files in one class whose features are similar."""
    return _with_cosines(images, _within_classes(images.resembling))


def similar_conflicts(images: InspectedImages) -> list[Finding]:
    """Find different files in different classes whose features are similar."""
    return _with_cosines(images, _across_classes(images.resembling))


def similar_leakage(images: InspectedImages) -> list[Finding]:
    """Find different files in DATA and in the other folder whose features are similar."""
    return _with_cosines(images, _across_sides(images.resembling))


def uniform(images: InspectedImages) -> list[Finding]:
    """Find images that show nearly nothing."""
    return [
        Finding((image.place,), f"contrast {image.description.contrast:.1f} of 255")
        for image in images.own
        if image.description.uniform
    ]


def elongated(images: InspectedImages) -> list[Finding]:
    """Find images with one side more than three times as long as the other."""
    return [
        Finding((image.place,), "{}x{} pixels".format(*image.description.size))
        for image in images.own
        if max(image.description.size) > ELONGATED * min(image.description.size)
    ]


@dataclass(frozen=True)
class Kind:
    """A kind of finding: the function that finds it, and its meaning in a few words.

    needs_against: whether it is about two folders. needs_features: whether it compares features.
    """

    find: Callable[[InspectedImages], list[Finding]]
    meaning: str
    needs_against: bool = False
    needs_features: bool = False


KINDS = {
    "unreadable": Kind(unreadable, "cannot be read"),
    "duplicates": Kind(duplicates, "equal files in one class"),
    "conflicts": Kind(conflicts, "equal files in different classes"),
    "leakage": Kind(leakage, "equal files on both sides", needs_against=True),
    "near-duplicates": Kind(near_duplicates, "different files in one class that look the same"),
    "near-conflicts": Kind(near_conflicts, "look the same, in different classes"),
    "near-leakage": Kind(near_leakage, "look the same, on both sides", needs_against=True),
    "similar": Kind(
        similar, "different files in one class with similar features", needs_features=True
    ),
    "similar-conflicts": Kind(
        similar_conflicts, "similar features, in different classes", needs_features=True
    ),
    "similar-leakage": Kind(
        similar_leakage,
        "similar features, on both sides",
        needs_against=True,
        needs_features=True,
    ),
    "uniform": Kind(uniform, "nearly nothing to see"),
    "elongated": Kind(elongated, "more than 3 times as long as wide, or the reverse"),
}


def find_all(images: InspectedImages) -> dict[str, tuple[Finding, ...]]:
    """Return the findings of every kind in ``KINDS`` by its name, in the order of the images."""
    return {name: tuple(kind.find(images)) for name, kind in KINDS.items()}


def _about(group: Sequence[InspectedImage]) -> Finding:
    equal = len({image.description.digest for image in group}) == 1
    return Finding(tuple(image.place for image in group), link="=" if equal else "~")


def _own(group: Sequence[InspectedImage]) -> list[InspectedImage]:
    return [image for image in group if not image.place.against]


def _within_classes(groups: Iterable[Sequence[InspectedImage]]) -> list[Finding]:
    return [
        _about(members)
        for group in groups
        for members in grouped((image.place.label, image) for image in _own(group))
    ]


def _across_classes(groups: Iterable[Sequence[InspectedImage]]) -> list[Finding]:
    every = map(_own, groups)
    return [_about(group) for group in every if len({image.place.label for image in group}) > 1]


def _across_sides(groups: Iterable[Sequence[InspectedImage]]) -> list[Finding]:
    return [_about(group) for group in groups if len({image.place.against for image in group}) > 1]


def _with_cosines(images: InspectedImages, findings: Iterable[Finding]) -> list[Finding]:
    """Add to each finding how similar its images are."""
    return [replace(each, detail=_cosines(images, each), link="≈") for each in findings]


def _cosines(images: InspectedImages, finding: Finding) -> str:
    found = [f"{cosine:.3f}" for cosine in images.cosines(finding.images)]
    least, most = min(found), max(found)
    return f"cosine {least}" if least == most else f"cosine {least} to {most} from the first"
