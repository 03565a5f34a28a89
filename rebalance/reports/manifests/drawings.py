"""The figures of one class, as pictures for its page and as files.

matplotlib is imported when a figure is drawn.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rebalance.figures.canvas import as_png, as_svg, few_colours
from rebalance.figures.clusterings import draw_quotas, draw_scores
from rebalance.figures.maps import Map, draw_map
from rebalance.reports.manifests.members import ClassStory, scores_of
from rebalance.reports.page import Picture, data_address, svg_address

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LETTERS = 60  # of a class name in the name of a figure's file


@dataclass
class Figures:
    """Figures of a page as they are drawn: their files, and the pictures that show them."""

    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, figure: "Figure", alt: str, caption: str = "") -> Picture:
        """Keep the figure as SVG and PNG under ``name``; the picture of it for the page."""
        self._save(name, figure)
        source = svg_address(self.files[f"{name}.svg"])
        return Picture(source, alt, *_size(figure), caption)

    def add_points(self, name: str, figure: "Figure", alt: str) -> Picture:
        """The same for a figure of many points, which are too large for a page as they are."""
        self._save(name, figure)
        source = data_address(few_colours(self.files[f"{name}.png"]), "image/png")
        return Picture(source, alt, *_size(figure))

    def _save(self, name: str, figure: "Figure") -> None:
        self.files[f"{name}.svg"] = as_svg(figure)
        self.files[f"{name}.png"] = as_png(figure)


def _size(figure: "Figure") -> tuple[int, int]:
    width, height = (round(float(inches) * figure.dpi) for inches in figure.get_size_inches())
    return width, height


def slug(story: ClassStory) -> str:
    """How the names of a class's files begin: its number, and what is safe of its own name."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", story.name)[:LETTERS].strip("_")
    return f"{story.number + 1:03d}-{safe}".rstrip("-")


def map_picture(story: ClassStory, data: Map, figures: Figures) -> Picture:
    """The map of a class."""
    clusters = sum(cluster is not None for cluster in story.clusters)
    alt = (
        f"Map of {len(story.placed)} images of class {story.name} in {clusters} clusters; "
        f"{int(data.kept.sum())} of them were picked."
    )
    return figures.add_points(f"{slug(story)}-map", draw_map(data), alt)


def score_pictures(story: ClassStory, figures: Figures) -> list[Picture]:
    """The silhouette against k, and what another criterion said, if one chose."""
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
    story: ClassStory,
    figures: Figures,
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


def quota_picture(story: ClassStory, figures: Figures) -> Picture | None:
    """What was kept of each cluster against its size; None where no clustering ran."""
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
