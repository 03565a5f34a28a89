"""One class of a manifest as a section of its page.

matplotlib is imported when a figure is drawn.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rebalance.reports.manifests import hover
from rebalance.reports.manifests.blends import pairs_of
from rebalance.reports.manifests.drawings import (
    Figures,
    map_picture,
    quota_picture,
    score_pictures,
    slug,
)
from rebalance.reports.manifests.gallery import REPEATED, Gallery, strip_name
from rebalance.reports.manifests.members import ClassStory, repeats, scores_of
from rebalance.reports.manifests.scope import Scope
from rebalance.reports.manifests.sheets import sheets_of
from rebalance.reports.page import Picture, Table

STABILITY = "stability (1: found again on resamples, 0: chance)"
COVER = {
    "farthest": "largest distance",
    "mean": "mean distance",
    "balance": "balance (1: each picked one stands for as many)",
}
KINDS = {
    "closest": "closest to the centre",
    "farthest": "farthest from the centre",
    "picked": "picked, from near to far",
    "dropped": "dropped, from near to far",
}
REASONS = 20  # that are told
BY_CHANCE = {"picked": "picked, a sample", "dropped": "dropped, a sample"}

Fact = tuple[str, str | int | float]


def section(
    story: ClassStory, first: Sequence[int], scope: Scope, gallery: Gallery, figures: Figures
) -> dict[str, Any]:
    """What ``templates/manifest.html`` shows of a class; its figures are added to ``figures``.

    first: positions of the points that have a picture.
    """
    data = story.map
    return {
        "id": f"class-{story.number}",
        "name": story.name,
        "facts": facts_of(story),
        "notes": notes_of(story),
        "cover": cover_table(story),
        "reasons": reasons_table(story),
        "map": data and map_picture(story, data, figures),
        "hover": data
        and {
            **hover.hover_data(story, data, first, scope.hover_side, all_named=scope.all_named),
            "atlas": gallery.address(f"{slug(story)}-points"),
        },
        "on_map": story.space == "map",
        "pictured": len(first),
        "points": len(story.placed),
        "scores": score_pictures(story, figures),
        "quotas": quota_picture(story, figures),
        "sheets": _sheets(story, scope.count, gallery),
        "blends": _blends(story, gallery),
        "repeats": _repeats(story, gallery),
        "undersampled": bool(story.dropped),
    }


def _sheets(story: ClassStory, count: int, gallery: Gallery) -> list[dict[str, Any]]:
    found = []
    for each in sheets_of(story, count):
        where = f"class {story.name}" if each.cluster is None else f"cluster {each.cluster}"
        texts = (
            BY_CHANCE
            if all(member.distance is None for it in each.strips for member in it.members)
            else KINDS
        )
        pictures = [
            gallery.picture(
                strip_name(story, each.cluster, strip),
                f"Images of {where}, {texts[strip.kind]}: {names_of(strip.members)}",
                texts[strip.kind],
            )
            for strip in each.strips
        ]
        title = f"Cluster {each.cluster}" if each.cluster is not None else ""
        if each.cluster is None and len(story.clusters) > 1:
            title = "In no cluster"
        found.append({"title": title, "kept": each.kept, "size": each.size, "pictures": pictures})
    return found


def _blends(story: ClassStory, gallery: Gallery) -> list[Picture]:
    return [
        gallery.picture(
            f"{slug(story)}-blend-{number}",
            f"{row.file_name}, {row.partner}, and the two blended",
            f"{1 - (row.weight or 0):.0%} {row.file_name} + {row.weight or 0:.0%} {row.partner}",
        )
        for number, row in enumerate(pairs_of(story), 1)
    ]


def _repeats(story: ClassStory, gallery: Gallery) -> list[Picture]:
    return [
        gallery.picture(f"{slug(story)}-repeated-{number}", name, f"{times} times: {name}")
        for number, (name, times) in enumerate(repeats(story)[:REPEATED], 1)
    ]


def facts_of(story: ClassStory) -> list[Fact]:
    """What is known of the class in single words and numbers."""
    clustering = story.clustering
    facts: list[Fact] = [("images", len(story.members))]
    if story.dropped:
        facts += [("picked", story.kept), ("dropped", story.dropped)]
    if story.added:
        blends = sum(row.kind == "synthetic" for row in story.added)
        facts += [("repeated", len(story.added) - blends), ("blended", blends)]
    elsewhere = len(story.members) - len(story.placed)
    if story.placed and elsewhere:
        facts.append(("left out before it was clustered", elsewhere))
    if clustering.get("layer"):
        facts.append(("layer", str(clustering["layer"])))
    if clustering.get("k"):
        facts.append(("clusters k", clustering["k"]))
    if isinstance(clustering.get("landmarks"), int):
        facts.append(("found on landmarks", clustering["landmarks"]))
    score = scores_of(story).get(str(clustering.get("layer")), {}).get(clustering.get("k", 0))
    if score is not None:
        facts.append(("mean silhouette", score))
    if isinstance(clustering.get("stability"), float):
        facts.append((STABILITY, clustering["stability"]))
    return facts


def cover_table(story: ClassStory) -> Table | None:
    """How closely what was picked covers the rest, beside random picks; None if not recorded."""
    cover = story.cover
    if not cover:
        return None
    rows = [
        (title, *(_number((cover.get(side) or {}).get(key)) for side in ("kept", "random")), closer)
        for key, title in COVER.items()
        for closer in (_number(cover.get(f"{key}_closer")),)
    ]
    header = ("from a dropped image", "as picked", "as many at random", "times closer than random")
    return Table(f"How near the dropped images of {story.name} have a picked one", header, rows)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def notes_of(story: ClassStory) -> list[str]:
    """What was not done as asked."""
    found = (story.clustering.get("note"), story.growth.get("note"))
    notes = [str(note) for note in dict.fromkeys(found) if note]
    if story.clustering.get("above_chance") is False and story.clustering.get("k", 1) > 1:
        notes.append("The clusters are no better than those that classes without any groups have.")
    return notes


def reasons_table(story: ClassStory) -> Table | None:
    """Why images were left out, and how many for each reason; None where none was."""
    reasons = Counter(member.reason for member in story.members if not member.kept)
    if not reasons:
        return None
    rows = [(reason or "not said", count) for reason, count in reasons.most_common(REASONS)]
    return Table(f"Why images of {story.name} were dropped", ("reason", "images"), rows)


def names_of(members: Sequence[Any]) -> str:
    """File names, as a text."""
    return ", ".join(member.file_name for member in members)
