"""What is told of a cut: the fate of each sample, and how each class was clustered."""

import logging
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rebalance.clusters import Subclasses
from rebalance.manifest import DIGITS
from rebalance.progress import warn_of_classes
from rebalance.records import ClassStory
from rebalance.resampling.cutting import Clustered, Cut
from rebalance.resampling.fates import Fate, Selection
from rebalance.resampling.population import Population
from rebalance.settings import SelectionOptions

log = logging.getLogger("rebalance")

KEPT = Fate(kept=True)


def selection_of(population: Population, cut: Cut, options: SelectionOptions) -> Selection:
    """The fates that ``cut`` means, with the stories of the classes that were clustered.

    The log warns of a class whose clusters are no better than chance.
    """
    kept = np.zeros(len(population.labels), bool)
    kept[cut.kept] = True
    dropped = Fate(kept=False, reason=f"{options.method}: not selected")
    fates = [KEPT if each else dropped for each in kept.tolist()]
    stories = {}
    for label, clustered in cut.clustered.items():
        name, members = population.classes[label], population.members(label)
        found = clustered.subclasses
        quotas = np.bincount(found.labels[kept[members]], minlength=found.k).tolist()
        told = _fates(found, quotas, kept[members], options.pick)
        for position, fate in zip(members.tolist(), told, strict=True):
            fates[position] = fate
        stories[name] = story_of(clustered, quotas)
        for layer, scores in stories[name]["silhouettes"].items():
            log.debug("class %r, layer %s: silhouette by k %s", name, layer, scores)
    warn_of_classes(
        {
            population.classes[label]: _no_better(each.subclasses)
            for label, each in cut.clustered.items()
            if each.subclasses.k > 1 and not each.subclasses.above_chance
        }
    )
    subclasses = {label: each.subclasses for label, each in cut.clustered.items()}
    return Selection(fates, stories, subclasses)


def _fates(
    subclasses: Subclasses, quotas: list[int], kept: NDArray[np.bool_], pick: str
) -> list[Fate]:
    reasons = [
        f"{pick}: not among the {quota} of {size} kept in cluster {cluster}"
        for cluster, (quota, size) in enumerate(zip(quotas, subclasses.sizes, strict=True))
    ]
    return [
        Fate(keep, cluster, round(distance, DIGITS), "" if keep else reasons[cluster])
        for keep, cluster, distance in zip(
            kept.tolist(), subclasses.labels.tolist(), subclasses.distances.tolist(), strict=True
        )
    ]


def _no_better(subclasses: Subclasses) -> str:
    return (
        "its clusters are no better than chance: the best silhouette is "
        f"{max(subclasses.silhouettes.values()):.3f}, and of twenty classes without any groups one "
        f"has more than {subclasses.chance:.3f}"
    )


def story_of(clustered: Clustered, quotas: list[int]) -> ClassStory:
    """Return how a class was clustered, for JSON. quotas: how many are kept of each cluster."""
    chosen, layers = clustered.subclasses, clustered.layers
    return {
        "layer": clustered.layer,
        "k": chosen.k,
        "silhouettes": {name: _by_k(each.silhouettes) for name, each in layers.items()},
        "silhouette_errors": {name: _by_k(each.errors) for name, each in layers.items()},
        "scores": {name: _by_k(each.scores) for name, each in layers.items()},
        "stability": _rounded(chosen.stability),
        "chance": _rounded(chosen.chance),
        "above_chance": chosen.above_chance,
        "map": chosen.map,
        "landmarks": chosen.landmarks,
        "cluster_sizes": chosen.sizes,
        "quotas": quotas,
        "note": _note(chosen),
    }


def _note(chosen: Subclasses) -> str | None:
    """Why there is only one cluster, or why there might as well be another number."""
    if chosen.rival is None:
        return chosen.note
    least, most = sorted((chosen.k, chosen.rival))
    return f"{least} or {most} clusters: their silhouettes are too close for a sample to tell apart"


def _by_k(values: Mapping[int, float]) -> dict[str, float | None]:
    return {str(k): _rounded(value) for k, value in values.items()}


def _rounded(value: float | None) -> float | None:
    """The value as it is written; JSON has no infinity."""
    return round(value, DIGITS) if value is not None and math.isfinite(value) else None
