"""What is told of a choice: how well it covers the rest, and who looks out of place."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.manifest import DIGITS
from rebalance.numerics.products import side_by_side
from rebalance.progress import warn_of_classes
from rebalance.records import ClassStory, CoverFigures, CoverRecord, SuspectRecord

if TYPE_CHECKING:
    from rebalance.appraisal.cover import Cover, CoverComparison
    from rebalance.data.folder import ImageFolder
    from rebalance.numerics.standardisation import FeatureMatrix
    from rebalance.resampling import Selection

log = logging.getLogger("rebalance")

NAMED_AT_MOST = 5  # suspects in the log; all are in the record


def with_cover(
    pooled: "FeatureMatrix", folder: "ImageFolder", chosen: "Selection", seed: int
) -> "Selection":
    """The choice, telling how the kept images of each class that lost some cover the others.

    pooled: the features that all methods compare images by, whatever layer was clustered, so that
    the figures of two runs can be compared. The space is not that of the map, which places its
    clusters apart and says little of how far apart they are, but that of ``numerics.comparison``,
    in which rare kinds of image lie apart best (docs/which-method.md).
    """
    from rebalance.appraisal.cover import compare_with_random
    from rebalance.numerics.comparison import project

    labels = np.asarray(folder.labels)
    stay = np.array([fate.kept for fate in chosen.fates])
    members = {label: np.flatnonzero(labels == label) for label in range(len(folder.classes))}
    cut = {
        label: len(found)
        for label, found in members.items()
        if 0 < np.count_nonzero(stay[found]) < len(found)
    }

    def compared(label: int) -> ClassStory:
        found, name = members[label], folder.classes[label]
        points = project(pooled.take(found), seeds.generator(seed, "cover", name, "space"))
        rng = seeds.generator(seed, "cover", name)
        return {"cover": _as_record(compare_with_random(points, np.flatnonzero(stay[found]), rng))}

    told = {folder.classes[label]: record for label, record in side_by_side(compared, cut)}
    return chosen.told(folder.classes, told)


def warn_of_cover(chosen: "Selection", method: str) -> None:
    """Warn of the classes in which random picks lie closer to what is left out than these do.

    method: the one that chose. The warning names another, which does not fall behind them.
    """
    from rebalance.undersampling import BY_CHANCE, NEAREST

    better = BY_CHANCE if method == NEAREST else NEAREST
    covers = {
        name: story["cover"]["mean_closer"]
        for name, story in chosen.stories.items()
        if "cover" in story
    }
    warn_of_classes(
        {
            name: f"random picks lie closer to the images left out, cover {times:.2f}x: --method "
            f"{better} does not fall behind them"
            for name, times in covers.items()
            if times is not None and round(times, 2) < 1  # as it is printed
        }
    )


def _as_record(compared: "CoverComparison") -> CoverRecord:
    return {
        "kept": _rounded(compared.kept),
        "random": _rounded(compared.random),
        "farthest_closer": _factor(compared.farthest_closer),
        "mean_closer": _factor(compared.mean_closer),
        "draws": compared.draws,
        "looked_at": compared.looked_at,
    }


def _rounded(cover: "Cover") -> CoverFigures:
    return {
        "farthest": round(cover.farthest, DIGITS),
        "mean": round(cover.mean, DIGITS),
        "balance": round(cover.balance, DIGITS),
    }


def _factor(times: float | None) -> float | None:
    # JSON has no infinity; where nothing is left to be covered there is nothing to compare.
    return None if times is None or np.isinf(times) else round(times, DIGITS)


def find_suspects(
    pooled: "FeatureMatrix", folder: "ImageFolder", device: str, seed: int
) -> dict[int, str]:
    """The positions of the images that look out of place in their class, and why."""
    from rebalance.appraisal.suspects import suspects
    from rebalance.neighbours import search_among
    from rebalance.numerics.comparison import project

    labels = np.asarray(folder.labels)
    points = project(pooled, seeds.generator(seed, "suspects", "space"), labels)
    stream = seeds.integer(seed, "suspects")

    def search(features: NDArray[np.float32], count: int) -> Any:
        return search_among(len(features), device=device, seed=stream)(features, count)

    return suspects(points, labels, folder.classes, search)


def suspects_as_records(folder: "ImageFolder", why: Mapping[int, str]) -> list[SuspectRecord]:
    """For JSON, in the order of the images."""
    return [
        {
            "file_name": folder.paths[position],
            "label": folder.classes[folder.labels[position]],
            "why": text,
        }
        for position, text in why.items()
    ]


def with_suspects(
    folder: "ImageFolder", chosen: "Selection", why: Mapping[int, str]
) -> "Selection":
    """The choice, whose reasons to drop an image say so if it is a suspect.

    The log says how many there are, and names the first of those kept.
    """
    fates = list(chosen.fates)
    kept = [position for position in why if fates[position].kept]
    for position in why.keys() - set(kept):
        reason = f"{fates[position].reason}; suspect: {why[position]}"
        fates[position] = replace(fates[position], reason=reason)
    log.info("suspects: %d images look out of place in their class, %d kept", len(why), len(kept))
    for position in kept[:NAMED_AT_MOST]:
        log.info("suspect, kept: %r: %s", folder.paths[position], why[position])
    if len(kept) > NAMED_AT_MOST:
        log.info(
            "suspects kept: %d more; all are named in M.json and by --json",
            len(kept) - NAMED_AT_MOST,
        )
    return replace(chosen, fates=fates)
