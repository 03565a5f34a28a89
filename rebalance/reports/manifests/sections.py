"""One class of a manifest as a section of its page.

matplotlib is imported when a figure is drawn.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rebalance.figures.clusterings import draw_quotas, draw_scores
from rebalance.manifest import Row
from rebalance.reports.figures import FigureFiles
from rebalance.reports.manifests.layout import Scope, Sheet, across, sheets_of
from rebalance.reports.manifests.maps import hover_data, map_picture
from rebalance.reports.manifests.members import ClassHistory, generated_of, repeats, scores_of, slug
from rebalance.reports.manifests.photographs import (
    REPEATED,
    SHOWN_RECIPES,
    Photographs,
    files_of,
    made_of,
    strip_name,
)
from rebalance.reports.page import Picture, Table

STABILITY = "stability, from 0 (by chance) to 1 (found again each time)"
COVER = {
    "farthest": "largest distance",
    "mean": "mean distance",
    "balance": "evenness",
}
KINDS = {
    "closest": "closest to the centre",
    "farthest": "farthest from the centre",
    "picked": "picked, from near to far",
    "dropped": "dropped, from near to far",
}
REASONS = 20  # that are told
BY_CHANCE = {"picked": "picked, a sample", "dropped": "dropped, a sample"}
WHOLE = {**KINDS, "picked": "a sample of its images"}  # where nothing was dropped

Fact = tuple[str, str | int | float]


def section(
    story: ClassHistory,
    first: Sequence[int],
    scope: Scope,
    photographs: Photographs,
    figures: FigureFiles,
) -> dict[str, Any]:
    """Return what ``templates/manifest.html`` shows of a class; figures go into ``figures``.

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
            **hover_data(story, data, first, scope.hover_side, all_named=scope.all_named),
            "atlas": photographs.address(f"{slug(story)}-points"),
        },
        "on_map": story.space == "map",
        "pictured": len(first),
        "points": len(story.placed),
        "scores": score_pictures(story, figures),
        "quotas": quota_picture(story, figures),
        "sheets": _sheets(story, scope.count, photographs),
        "blends": _blends(story, photographs),
        "augmented": any(row.operation is not None for row in made_of(story)),
        "repeats": _repeats(story, photographs),
        "generated": _generated(story, photographs),
        "undersampled": bool(story.dropped),
        "whole": not story.dropped and not story.added,
    }


def _sheets(story: ClassHistory, count: int, photographs: Photographs) -> list[dict[str, Any]]:
    found = []
    for each in sheets_of(story, count):
        where = f"class {story.name}" if each.cluster is None else f"cluster {each.cluster}"
        texts = _captions(each)
        pictures = [
            photographs.picture(
                strip_name(story, each.cluster, strip),
                f"Images of {where}, {texts[strip.kind]}: {names_of(strip.members)}",
                texts[strip.kind],
                [member.file_name for member in strip.members],
                across(count),
                kind=strip.kind,
            )
            for strip in each.strips
        ]
        title = f"Cluster {each.cluster}" if each.cluster is not None else ""
        if each.cluster is None and len(story.clusters) > 1:
            title = "In no cluster"
        found.append(
            {
                "title": title,
                "cluster": each.cluster,
                "kept": each.kept,
                "size": each.size,
                "pictures": pictures,
            }
        )
    return found


def _captions(sheet: Sheet) -> dict[str, str]:
    """Return what the strips of a cluster are called, by their kind."""
    if sheet.kept == sheet.size:
        return WHOLE
    if all(member.distance is None for strip in sheet.strips for member in strip.members):
        return BY_CHANCE
    missing = {"closest", "farthest"} - {strip.kind for strip in sheet.strips}
    ends = [f"picked: those {KINDS[kind]}, from near to far" for kind in sorted(missing)]
    return {**KINDS, "picked": ends[0]} if ends else KINDS


def _blends(story: ClassHistory, photographs: Photographs) -> list[Picture]:
    return [
        photographs.picture(
            f"{slug(story)}-blend-{number}",
            f"{', '.join(files_of(row))}, and what is made of them",
            _recipe(row),
            [*files_of(row), ""],
            1 + len(files_of(row)),
        )
        for number, row in enumerate(made_of(story), 1)
    ]


def _recipe(row: Row) -> str:
    if row.operation is not None:
        return f"{' on '.join(files_of(row))}: {row.operation}"
    weight = row.weight or 0
    return f"{1 - weight:.0%} {row.file_name} + {weight:.0%} {row.partner}"


def _repeats(story: ClassHistory, photographs: Photographs) -> list[Picture]:
    return [
        photographs.picture(
            f"{slug(story)}-repeated-{number}", name, f"{times} times: {name}", [name]
        )
        for number, (name, times) in enumerate(repeats(story)[:REPEATED], 1)
    ]


def _generated(story: ClassHistory, photographs: Photographs) -> list[Picture]:
    return [
        photographs.picture(f"{slug(story)}-generated-{number}", name, name, [name])
        for number, name in enumerate(generated_of(story, SHOWN_RECIPES), 1)
    ]


def facts_of(story: ClassHistory) -> list[Fact]:
    """List what is known of the class in single words and numbers."""
    clustering = story.clustering
    facts: list[Fact] = [("images", len(story.members))]
    if story.dropped:
        facts += [("picked", story.kept), ("dropped", story.dropped)]
    if story.added:
        kinds = Counter(row.kind for row in story.added)
        facts += [("repeated", kinds["duplicate"]), ("blended", kinds["synthetic"])]
        facts += [(kind, kinds[kind]) for kind in ("augmented", "generated") if kinds[kind]]
    elsewhere = len(story.members) - len(story.placed)
    if story.placed and elsewhere:
        facts.append(("left out before it was clustered", elsewhere))
    if clustering.get("layer"):
        facts.append(("layer", str(clustering["layer"])))
    if clustering.get("k"):
        facts.append(("clusters k", clustering["k"]))
    if isinstance(clustering.get("landmarks"), int):
        facts.append(("found on landmarks", clustering["landmarks"]))
    if story.silhouette is not None:
        facts.append(("mean silhouette", story.silhouette))
    if isinstance(clustering.get("stability"), float):
        facts.append((STABILITY, clustering["stability"]))
    return facts


def cover_table(story: ClassHistory) -> Table | None:
    """Show how closely the picked images cover the rest, beside random picks; None if unknown."""
    cover = story.cover
    if not cover:
        return None
    rows = [
        (title, *(_number((cover.get(side) or {}).get(key)) for side in ("kept", "random")), closer)
        for key, title in COVER.items()
        for closer in (_number(cover.get(f"{key}_closer")),)
    ]
    header = ("from a dropped image", "as picked", "as many at random", "times closer than random")
    caption = (
        f"How near the dropped images of {story.name} have a picked one. Evenness is 1 where each "
        "picked image stands for as many others, 0 where one stands for all."
    )
    return Table(caption, header, rows)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def notes_of(story: ClassHistory) -> list[str]:
    """List what was not done as asked."""
    found = (story.clustering.get("note"), story.growth.get("note"))
    notes = [str(note) for note in dict.fromkeys(found) if note]
    if story.clustering.get("above_chance") is False and story.clustering.get("k", 1) > 1:
        notes.append("The clusters are no better than those that classes without any groups have.")
    return notes


def reasons_table(story: ClassHistory) -> Table | None:
    """Count why images were left out; None where none was."""
    reasons = Counter(member.reason for member in story.members if not member.kept)
    if not reasons:
        return None
    rows = [(reason or "not said", count) for reason, count in reasons.most_common(REASONS)]
    return Table(f"Why images of {story.name} were dropped", ("reason", "images"), rows)


def names_of(members: Sequence[Any]) -> str:
    """Return file names as one text."""
    return ", ".join(member.file_name for member in members)


def score_pictures(story: ClassHistory, figures: FigureFiles) -> list[Picture]:
    """Draw the silhouette against k, and another criterion's scores, if one chose."""
    shown = [("silhouettes", "mean silhouette")]
    if story.criterion != "silhouette":
        shown.append(("scores", story.criterion))
    found = []
    for key, what in shown:
        scores = scores_of(story, key)
        if any(scores.values()):
            found.append(_score_picture(story, figures, key, what, scores))
    return found


def _score_picture(
    story: ClassHistory,
    figures: FigureFiles,
    key: str,
    what: str,
    scores: dict[str, dict[int, float]],
) -> Picture:
    layer, k = str(story.clustering["layer"]), int(story.clustering.get("k", 0))
    chance = story.clustering.get("chance") if key == "silhouettes" else None
    chance = chance if isinstance(chance, float) else None
    tried = "; ".join(
        f"layer {name}: " + ", ".join(f"k = {k}: {score:.3f}" for k, score in values.items())
        for name, values in scores.items()
    )
    caption = f"{what.capitalize()} by number of clusters; the ring marks the choice."
    if chance is not None:
        caption += " Of classes without any groups, one in twenty is above the broken line."
    return figures.add(
        f"{slug(story)}-{key}",
        draw_scores(scores, layer, k, what, chance),
        f"{what.capitalize()} by number of clusters. {tried}. Chosen: k = {k} of layer {layer}.",
        caption,
    )


def quota_picture(story: ClassHistory, figures: FigureFiles) -> Picture | None:
    """Draw what was kept of each cluster against its size; None where no clustering ran."""
    groups = [group for cluster, group in story.clusters.items() if cluster is not None]
    numbers = [cluster for cluster in story.clusters if cluster is not None]
    if not groups or numbers != list(range(len(numbers))):
        return None
    sizes = [len(group) for group in groups]
    kept = [sum(member.kept for member in group) for group in groups]
    shares = ", ".join(
        f"cluster {cluster}: {count} of {size}"
        for cluster, (count, size) in enumerate(zip(kept, sizes, strict=True))
    )
    return figures.add(
        f"{slug(story)}-quotas",
        draw_quotas(sizes, kept),
        f"Images picked of each cluster. {shares}.",
        "Picked of each cluster, and its mark on the map.",
    )
