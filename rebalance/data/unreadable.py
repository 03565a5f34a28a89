"""Rules for files that cannot be read: they are named in the log and left out of their class.

A class that would lose every image this way is an error.
"""

from collections.abc import Sequence

from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.source import as_records, name_unreadable
from rebalance.data.survey import Probe, survey
from rebalance.errors import DataError, UnreadableImage
from rebalance.progress import Progress

__all__ = ["as_records", "readable_part", "report_unreadable", "require_images"]


def report_unreadable(unreadable: Sequence[Unreadable], total: int, *, strict: bool) -> None:
    """Name unreadable files; raise UnreadableImage if there is one and ``strict`` is set."""
    name_unreadable(unreadable)
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
    """Decode every file; return the folder of the readable ones, their probes, and the others.

    Raises UnreadableImage and DataError as ``report_unreadable`` and ``require_images``.
    """
    found, unreadable = survey(folder, workers, progress)
    report_unreadable(unreadable, len(folder.paths), strict=strict)
    readable = folder.take(position for position, probe in enumerate(found) if probe is not None)
    require_images(folder, readable)
    return readable, [probe for probe in found if probe is not None], unreadable
