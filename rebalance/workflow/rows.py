"""What was chosen, as a manifest: its rows, its map, the story of each class, and its record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rebalance import __version__
from rebalance.data.counts import imbalance_ratio, named_counts
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.levels import DepthScale
from rebalance.data.source import Source
from rebalance.data.unreadable import as_records
from rebalance.manifest import DIGITS, FORMAT, Place, Row
from rebalance.records import ClassStory, ExtractorRecord, ManifestRecord, SourceRecord

if TYPE_CHECKING:
    from rebalance.clusters import Subclasses
    from rebalance.oversampling import Added

MAP_DIGITS = 4


def original_rows(
    source: Source, folder: ImageFolder, subclasses: "Mapping[int, Subclasses]"
) -> list[Row]:
    """The readable images, as the manifest had them that they may come from."""
    known = {row.file_name: row for row in source.rows}
    rows = [
        known.get(path, Row(path, folder.classes[label]))
        for path, label in zip(folder.paths, folder.labels, strict=True)
    ]
    found = {
        label: zip(each.labels.tolist(), each.distances.tolist(), strict=True)
        for label, each in subclasses.items()
    }
    for place, label in enumerate(folder.labels):
        if label in found:
            cluster, distance = next(found[label])
            rows[place] = replace(rows[place], cluster=cluster, distance=round(distance, DIGITS))
    return rows


def added_rows(
    originals: Sequence[Row], added: "Added", classes: Sequence[str], given: Sequence[Row] = ()
) -> list[Row]:
    """A row for each sample to add; a repetition lies where its image does.

    classes: the names of those that samples are labelled as. given: the rows of images that are
    added in place of recipes.
    """
    if added.given is not None:
        return [given[place] for place in added.given.tolist()]
    nothing = [None] * len(added.base)
    told = (
        added.base.tolist(),
        added.partner.tolist(),
        added.weight.tolist(),
        nothing if added.share is None else added.share.tolist(),
        nothing if added.operation is None else added.operation,
        nothing if added.made_as is None else [classes[label] for label in added.made_as],
    )
    rows = []
    for base, partner, weight, share, operation, made_as in zip(*told, strict=True):
        image = originals[base]
        other = None if base == partner else originals[partner].file_name
        row = Row(image.file_name, image.label, share=share or None)
        if operation:
            rows.append(replace(row, kind="augmented", partner=other, operation=operation))
        elif other is None:
            rows.append(replace(image, kind="duplicate"))
        else:
            other_class = made_as if made_as != image.label else None
            recipe = replace(row, kind="synthetic", partner=other, weight=weight)
            rows.append(replace(recipe, made_as=other_class))
    return rows


def places_of(
    source: Source, folder: ImageFolder, subclasses: "Mapping[int, Subclasses]"
) -> tuple[Place, ...]:
    """Return where the images of the classes that were clustered lie.

    Of others, what was known before.
    """
    found = {
        label: iter(each.points.round(MAP_DIGITS).tolist()) for label, each in subclasses.items()
    }
    clustered = {folder.classes[label] for label in found}
    known = [place for place in source.places if place.label not in clustered]
    new = [
        Place(path, folder.classes[label], *next(found[label]))
        for path, label in zip(folder.paths, folder.labels, strict=True)
        if label in found
    ]
    return (*known, *new)


def class_stories(
    folder: ImageFolder,
    sizes: Mapping[str, int],
    subclasses: "Mapping[int, Subclasses]",
    added: "Added",
) -> dict[str, ClassStory]:
    """For each class that grows: by how many, what was not done as asked, and its clusters."""
    stories: dict[str, ClassStory] = {}
    for label, (name, count) in enumerate(named_counts(folder).items()):
        if sizes[name] > count:
            stories[name] = {"added": sizes[name] - count, "note": added.notes.get(label)}
            if label in subclasses:
                found = subclasses[label]
                stories[name]["cluster_sizes"] = found.sizes
                stories[name]["note"] = found.note and f"one cluster, {found.note}"
    return stories


def provenance(
    command: str,
    source: Source,
    readable: ImageFolder,
    after: Mapping[str, int],
    *,
    unreadable: Sequence[Unreadable],
    extractor: ExtractorRecord | None,
    scale: DepthScale,
    options: Mapping[str, Any],
    per_class: Mapping[str, ClassStory],
    seed: int,
) -> ManifestRecord:
    """Return what every manifest says of how it came about, whichever story made it.

    after: samples of each class in it, by name.
    """
    before = named_counts(readable)
    record: ManifestRecord = {
        "format": FORMAT,
        "rebalance": __version__,
        "command": command,
        "root": str(readable.root),
        "seed": seed,
        "options": dict(options),
        "extractor": extractor,
        "classes": list(readable.classes),
        "counts": {"before": named_counts(source.folder), "readable": before, "after": dict(after)},
        "imbalance_ratio": {"before": imbalance_ratio(before), "after": imbalance_ratio(after)},
        "per_class": dict(per_class),
        "unreadable": as_records([*source.unreadable, *unreadable]),
        "source": _step_before(source),
    }
    if source.folder.ignored:
        record["ignored"] = {name: dict(kinds) for name, kinds in source.folder.ignored.items()}
    if told := scale.as_record():
        record["scale"] = told
    if source.folder.passed_over:
        record["passed_over"] = list(source.folder.passed_over)
    return record


def _step_before(source: Source) -> SourceRecord | None:
    """The manifest that the images were listed by, and its own record; None for a folder."""
    if source.manifest is None:
        return None
    before: SourceRecord = {"manifest": str(source.manifest)}
    before.update(source.record or {})  # type: ignore[typeddict-item]  # it has fewer keys
    return before
