"""What was chosen, as rows of a manifest, as its map and as the story of each class."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder
from rebalance.data.source import Source
from rebalance.manifest import DIGITS, Place, Row

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


def added_rows(originals: Sequence[Row], added: "Added") -> list[Row]:
    """A row for each sample to add; a repetition lies where its image does."""
    rows = []
    recipes = zip(added.base.tolist(), added.partner.tolist(), added.weight.tolist(), strict=True)
    for base, partner, weight in recipes:
        image = originals[base]
        if base == partner:
            rows.append(replace(image, kind="duplicate"))
        else:
            other = originals[partner].file_name
            rows.append(Row(image.file_name, image.label, "synthetic", other, weight))
    return rows


def places_of(
    source: Source, folder: ImageFolder, subclasses: "Mapping[int, Subclasses]"
) -> tuple[Place, ...]:
    """Where the images of the classes that were clustered lie; of others, what was known before."""
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
) -> dict[str, dict[str, Any]]:
    """For each class that grows: by how many, what was not done as asked, and its clusters."""
    stories: dict[str, dict[str, Any]] = {}
    for label, (name, count) in enumerate(named_counts(folder).items()):
        if sizes[name] > count:
            stories[name] = {"added": sizes[name] - count, "note": added.notes.get(label)}
            if label in subclasses:
                found = subclasses[label]
                stories[name]["cluster_sizes"] = found.sizes
                stories[name]["note"] = found.note and f"one cluster, {found.note}"
    return stories
