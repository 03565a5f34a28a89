"""What a folder holds and which of its images can be read.

Every unreadable file is named in the log, where it is left out, and no class may lose all its
images that way.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any

from rebalance.errors import DataError, UnreadableImage
from rebalance.folder import ImageFolder, Unreadable
from rebalance.images import Probe, survey
from rebalance.progress import Progress

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class Inspection:
    """The images of a folder. counts: files per class; unreadable: those of them that fail."""

    root: Path
    counts: dict[str, int]
    unreadable: tuple[Unreadable, ...]

    @property
    def readable(self) -> dict[str, int]:
        """Images per class that can be used."""
        lost = Counter(image.label for image in self.unreadable)
        return {name: count - lost[name] for name, count in self.counts.items()}

    @property
    def imbalance_ratio(self) -> float:
        """``imbalance_ratio`` of the readable images; infinite if a class lost all it had."""
        if any(count and not self.readable[name] for name, count in self.counts.items()):
            return inf
        return imbalance_ratio(self.readable)

    def as_record(self) -> dict[str, Any]:
        """For JSON, which has no infinity: such a ratio is null."""
        ratio = self.imbalance_ratio
        return {
            "root": str(self.root),
            "classes": list(self.counts),
            "images": self.counts,
            "readable": self.readable,
            "imbalance_ratio": ratio if isfinite(ratio) else None,
            "unreadable": as_records(self.unreadable),
        }


def imbalance_ratio(counts: Mapping[str, int]) -> float:
    """ρ = max n / min n over the classes that have images; 1 where there are none."""
    filled = [count for count in counts.values() if count]
    return max(filled) / min(filled) if filled else 1.0


def named_counts(folder: ImageFolder) -> dict[str, int]:
    """Images per class by name, in class order."""
    return dict(zip(folder.classes, folder.counts, strict=True))


def as_records(unreadable: Sequence[Unreadable]) -> list[dict[str, str]]:
    """Unreadable files as the manifest's record lists them."""
    return [
        {"file_name": image.path, "label": image.label, "reason": image.reason}
        for image in unreadable
    ]


def report_unreadable(unreadable: Sequence[Unreadable], total: int, *, strict: bool) -> None:
    """Name every unreadable file; raise UnreadableImage if there is one and ``strict`` is set."""
    for image in unreadable:
        log.warning("unreadable: %r: %s", image.path, image.reason)
    if unreadable and strict:
        first = unreadable[0]
        raise UnreadableImage(
            f"{len(unreadable)} of {total} images cannot be read, and --strict allows none; the "
            f"first is {first.path!r} ({first.reason}): mend or remove them"
        )


def require_images(before: ImageFolder, after: ImageFolder) -> None:
    """Raise DataError if a class had images before and has none after the unreadable left."""
    for name, had, has in zip(before.classes, before.counts, after.counts, strict=True):
        if had and not has:
            raise DataError(
                f"class {name!r} needs at least one image; none of its {had} can be read: mend "
                "them, or remove the class folder"
            )


def readable_part(
    folder: ImageFolder, workers: int, progress: Progress, *, strict: bool
) -> tuple[ImageFolder, list[Probe], list[Unreadable]]:
    """Decode every file: the folder of those that can be read, their probes, and the others.

    Raises UnreadableImage and DataError as ``report_unreadable`` and ``require_images``.
    """
    found, unreadable = survey(folder, workers, progress)
    report_unreadable(unreadable, len(folder.paths), strict=strict)
    readable = folder.take(position for position, probe in enumerate(found) if probe is not None)
    require_images(folder, readable)
    return readable, [probe for probe in found if probe is not None], unreadable
