"""The images of each class of a manifest, and what became of them.

Imports numpy and nothing heavier.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rebalance.figures.maps import Map
from rebalance.manifest import Manifest, Row

LETTERS = 60  # of a class name in the name of a figure's file
NOWHERE = 1e300  # sorts an image of unknown distance behind all others


@dataclass(frozen=True)
class Member:
    """One image of a class: kept or not and why, its cluster, and where it lies, if known."""

    file_name: str
    kept: bool
    cluster: int | None
    distance: float | None
    place: tuple[float, float] | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class ClassHistory:
    """A class of a manifest, and what was done to it.

    members: its images, each once: those kept in the manifest's order, then those left out.
    clustering, growth, cover: what the record says of its clusters, of what was added to it, and of
    how well what was kept covers the rest; empty where it says nothing. criterion: what chose the
    number of clusters. space: where they were found, ``map`` or ``pca``. added: what it has beside
    its images, such as duplicates and blends.
    """

    name: str
    number: int
    members: Sequence[Member]
    clustering: Mapping[str, Any]
    growth: Mapping[str, Any]
    cover: Mapping[str, Any]
    criterion: str
    space: str
    added: Sequence[Row]

    @cached_property
    def placed(self) -> list[Member]:
        """The images that are on the map of the class; none where it has no map."""
        return [member for member in self.members if member.place is not None]

    @cached_property
    def clusters(self) -> dict[int | None, list[Member]]:
        """The images by cluster, None last, and by distance in each, unknown distances last.

        Ties go by name. Where the class has a map, only images on it count: the cluster number of
        an earlier step means another thing.
        """
        groups = defaultdict(list)
        for member in self.placed or self.members:
            groups[member.cluster].append(member)
        order = sorted(groups, key=lambda cluster: (cluster is None, cluster or 0))
        return {cluster: sorted(groups[cluster], key=_rank) for cluster in order}

    @property
    def kept(self) -> int:
        """The number of its images that are kept."""
        return sum(member.kept for member in self.members)

    @property
    def dropped(self) -> int:
        """The number of its images that are left out."""
        return len(self.members) - self.kept

    @property
    def silhouette(self) -> float | None:
        """The mean silhouette of the clusters that were chosen, where it is recorded."""
        scores = scores_of(self).get(str(self.clustering.get("layer")), {})
        return scores.get(self.clustering.get("k", 0))

    @property
    def map(self) -> Map | None:
        """The images that are ``placed``, in that order."""
        if not self.placed:
            return None
        return Map(
            np.array([member.place for member in self.placed], float),
            np.array([-1 if each.cluster is None else each.cluster for each in self.placed]),
            np.array([member.kept for member in self.placed]),
        )


def eventful(histories: Sequence[ClassHistory]) -> list[ClassHistory]:
    """List the classes that something happened to."""
    return [each for each in histories if each.dropped or each.placed or each.added]


def class_histories(manifest: Manifest) -> list[ClassHistory]:
    """List what became of every class, in class order."""
    places = {(place.label, place.file_name): (place.x, place.y) for place in manifest.places}
    kept: dict[str, dict[str, Row]] = {name: {} for name in manifest.classes}
    added: dict[str, list[Row]] = {name: [] for name in manifest.classes}
    for row in manifest.rows:
        if row.kind != "original":
            added[row.trained_as].append(row)
        # The original says most of an image; it stands before what was made of it.
        if row.kind != "generated":
            kept[row.label].setdefault(row.file_name, row)
    dropped = defaultdict(list)
    for image in manifest.dropped:
        dropped[image.label].append(image)
    stories = []
    for number, name in enumerate(manifest.classes):
        images = [
            Member(row.file_name, True, row.cluster, row.distance, places.get((name, file)))
            for file, row in kept[name].items()
        ]
        images += [
            Member(
                each.file_name,
                False,
                each.cluster,
                each.distance,
                places.get((name, each.file_name)),
                each.reason,
            )
            for each in dropped[name]
        ]
        clustering, step = latest_story(manifest.record, name, "layer")
        options = step.get("options") or {}
        cover = latest_story(manifest.record, name, "cover")[0].get("cover")
        story = ClassHistory(
            name,
            number,
            images,
            clustering,
            latest_story(manifest.record, name, "added")[0],
            cover if isinstance(cover, Mapping) else {},
            str(options.get("criterion", "silhouette")),
            str(options.get("cluster_space", "map")),
            added[name],
        )
        stories.append(story)
    return stories


def latest_story(
    record: Mapping[str, Any], name: str, key: str
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Find the latest record of class ``name`` that has ``key``, and the step it is in.

    Both are empty where there is none.
    """
    step: Any = record
    while isinstance(step, Mapping):
        stories = step.get("per_class")
        story = stories.get(name) if isinstance(stories, Mapping) else None
        if isinstance(story, Mapping) and key in story:
            return story, step
        step = step.get("source")
    return {}, {}


def scores_of(story: ClassHistory, key: str = "silhouettes") -> dict[str, dict[int, float]]:
    """Return the recorded silhouettes of each k of each layer; or another ``key``'s scores."""
    known = story.clustering.get(key)
    if not isinstance(known, Mapping):
        return {}
    return {
        str(layer): {int(k): float(score) for k, score in scores.items() if score is not None}
        for layer, scores in known.items()
        if scores
    }


def slug(story: ClassHistory) -> str:
    """Return how the names of a class's files begin: its number, and the safe part of its name."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", story.name)[:LETTERS].strip("_")
    return f"{story.number + 1:03d}-{safe}".rstrip("-")


def repeats(story: ClassHistory) -> list[tuple[str, int]]:
    """List images that are repeated, with how often they are there, the most often first."""
    copies = Counter(row.file_name for row in story.added if row.kind == "duplicate")
    return sorted(
        ((name, 1 + count) for name, count in copies.items()), key=lambda it: (-it[1], it)
    )


def generated_of(story: ClassHistory, most: int) -> list[str]:
    """List at most so many of the generated images of a class, evenly from all of them."""
    names = [row.file_name for row in story.added if row.kind == "generated"]
    return names[:: max(1, len(names) // most)][:most]


def _rank(member: Member) -> tuple[float, str]:
    return NOWHERE if member.distance is None else member.distance, member.file_name
