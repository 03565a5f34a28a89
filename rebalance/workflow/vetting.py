"""What came of generated images that were vetted: which are left, and why others are not."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance.data.generated import GENERATED, GeneratedImages
from rebalance.manifest import Row
from rebalance.records import ClassStory, GeneratedCounts, GeneratedRecord

if TYPE_CHECKING:
    from rebalance.oversampling import Added

# What an image is left out for, in the order in which it is looked for, and in words.
UNREADABLE, OF_DATA, OF_TEST, OUT, OF_OTHERS = (
    "unreadable",
    "copies_of_data",
    "copies_of_test",
    "out_of_class",
    "copies_of_others",
)
WORDS = {
    UNREADABLE: "cannot be read",
    OF_DATA: "repeat images of the data",
    OF_TEST: "repeat images to test on",
    OUT: "look out of class",
    OF_OTHERS: "repeat each other",
}


@dataclass(frozen=True)
class Vetting:
    """Generated images of the classes to raise, and what came of each.

    why: the kind of fault, and what it is in words, by position. voters: how many neighbours voted
    on each. wanted: how many samples each class is to be raised by, by its label.
    """

    images: GeneratedImages
    voters: int
    wanted: Mapping[int, int]
    why: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def left(self) -> list[int]:
        """The positions of those that may be added."""
        return [place for place in range(len(self.images.folder.paths)) if place not in self.why]

    def without(self, kind: str, why: Mapping[int, str]) -> "Vetting":
        """The same with more of them left out, by position."""
        return replace(self, why={**self.why, **{place: (kind, it) for place, it in why.items()}})

    @property
    def candidates(self) -> NDArray[np.int64]:
        """The classes of those that may be added."""
        labels = self.images.folder.labels
        return np.array([labels[place] for place in self.left], np.int64)

    def rows(self) -> list[Row]:
        """A row for each that may be added."""
        folder = self.images.folder
        return [
            Row(self.images.name(place), folder.classes[folder.labels[place]], GENERATED)
            for place in self.left
        ]

    def as_record(self, added: "Added") -> GeneratedRecord:
        """For the manifest's record, with how many of each class were added."""
        folder, taken = self.images.folder, Counter[int]()
        if added.given is not None:
            taken.update(self.candidates[added.given].tolist())
        kinds = Counter((folder.labels[place], kind) for place, (kind, _) in self.why.items())
        found = folder.counts
        classes: dict[str, GeneratedCounts] = {
            folder.classes[label]: {
                "wanted": count,
                "found": found[label],
                "unreadable": kinds[label, UNREADABLE],
                "copies_of_data": kinds[label, OF_DATA],
                "copies_of_test": kinds[label, OF_TEST],
                "out_of_class": kinds[label, OUT],
                "copies_of_others": kinds[label, OF_OTHERS],
                "added": taken[label],
            }
            for label, count in self.wanted.items()
        }
        return {
            "root": self.images.way,
            "neighbours": self.voters,
            "classes": classes,
            "left_out": [
                {
                    "file_name": self.images.name(place),
                    "label": folder.classes[folder.labels[place]],
                    "reason": reason,
                }
                for place, (_, reason) in sorted(self.why.items())
            ],
        }


def told(stories: Mapping[str, ClassStory], record: GeneratedRecord) -> dict[str, ClassStory]:
    """The stories of classes, with what became of their generated images."""
    found: dict[str, ClassStory] = {}
    for name, story in stories.items():
        counts = record["classes"][name]
        notes = filter(None, (_tally(counts), story.get("note")))
        found[name] = {**story, "added": counts["added"], "note": "; ".join(notes) or None}
    return found


def _tally(counts: GeneratedCounts) -> str | None:
    """Say what generated images of a class were left out for; None where none was."""
    known: Mapping[str, int] = {name: counts[name] for name in WORDS}  # type: ignore[literal-required]
    parts = [f"{known[name]} {words}" for name, words in WORDS.items() if known[name]]
    return f"of {counts['found']} generated images {', '.join(parts)}" if parts else None
