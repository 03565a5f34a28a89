"""From features and class sizes to a decision about every image.

Joins the feature table to the pure functions of ``clusters`` and ``undersampling``.
Never imports torch or click.
"""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters import Subclasses, find_subclasses
from rebalance.data.folder import ImageFolder
from rebalance.errors import FeatureError
from rebalance.features.table import FeatureTable
from rebalance.manifest import DIGITS
from rebalance.numerics.products import SMALL, side_by_side
from rebalance.progress import Progress, silent
from rebalance.settings import SelectionOptions
from rebalance.undersampling import PICKERS, UNDERSAMPLERS, allot, pick_per_cluster

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class Decision:
    """What becomes of one image, and the subclass it was found in, if any."""

    kept: bool
    cluster: int | None = None
    distance: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Selection:
    """A decision per image, aligned with the folder's paths, and the story of each class.

    subclasses: those of each class that was clustered, by label.
    """

    decisions: list[Decision]
    stories: dict[str, dict[str, Any]]
    subclasses: dict[int, Subclasses] = field(default_factory=dict)

    def told(self, folder: ImageFolder, more: Mapping[str, Mapping[str, Any]]) -> "Selection":
        """The same with ``more`` to tell of classes, by name, after what is told already."""
        stories = {
            name: {**self.stories.get(name, {}), **more.get(name, {})}
            for name in folder.classes
            if name in self.stories or name in more
        }
        return replace(self, stories=stories)


KEPT = Decision(kept=True)


def to_cut(folder: ImageFolder, sizes: Mapping[str, int]) -> dict[int, int]:
    """The classes that shrink: label and wanted size."""
    return {
        label: sizes[name]
        for label, (name, count) in enumerate(zip(folder.classes, folder.counts, strict=True))
        if sizes[name] < count
    }


def select_at_random(folder: ImageFolder, sizes: Mapping[str, int], seed: int) -> Selection:
    """Each class drawn without replacement, from a stream of its own."""
    labels = np.asarray(folder.labels)
    kept = np.ones(len(labels), bool)
    for label, size in to_cut(folder, sizes).items():
        rng = seeds.generator(seed, "undersample", "random", folder.classes[label])
        rest = UNDERSAMPLERS["random"](None, labels, {label: size}, rng)
        kept &= np.isin(np.arange(len(labels)), rest)
    return _kept_or_not(kept, "random")


def select_by_sampler(
    features: NDArray[np.float32],
    folder: ImageFolder,
    sizes: Mapping[str, int],
    method: str,
    seed: int,
) -> Selection:
    """One of ``UNDERSAMPLERS`` over all classes at once.

    Raises FeatureError, naming the class, where the method cannot work.
    """
    labels = np.asarray(folder.labels)
    rng = seeds.generator(seed, "undersample", method)
    try:
        kept = UNDERSAMPLERS[method](features, labels, to_cut(folder, sizes), rng)
    except FeatureError as error:
        raise error.named(folder.classes) from None
    return _kept_or_not(np.isin(np.arange(len(labels)), kept), method)


def _kept_or_not(kept: NDArray[np.bool_], method: str) -> Selection:
    dropped = Decision(kept=False, reason=f"{method}: not selected")
    return Selection([KEPT if keep else dropped for keep in kept.tolist()], {})


def select_by_subclass(
    table: FeatureTable,
    sizes: Mapping[str, int],
    options: SelectionOptions,
    seed: int,
    progress: Progress = silent,
) -> Selection:
    """Subclass-based undersampling of each class that shrinks, on its own (METHODS §1.3 to 1.7)."""
    decisions = [KEPT] * len(table.folder.paths)
    stories, subclasses = {}, {}
    cut = to_cut(table.folder, sizes)
    clustered = dict(
        progress(
            _clustered(table, cut, options, seed),
            total=len(cut),
            what="clustering",
            unit="classes",
        )
    )
    for label, size in cut.items():
        name, members, found = table.folder.classes[label], table.members(label), clustered[label]
        layer = max(found, key=lambda candidate: _quality(found[candidate]))
        chosen = subclasses[label] = found[layer]
        quotas = allot(chosen.sizes, size)
        rng = seeds.generator(seed, "pick", name)
        picked = pick_per_cluster(
            chosen.labels, chosen.distances, quotas, PICKERS[options.pick], rng
        )
        for position, decision in zip(
            members.tolist(), _decide(chosen, quotas, picked, options.pick), strict=True
        ):
            decisions[position] = decision
        stories[name] = _story(found, layer, quotas)
        _warn_of_chance(name, chosen)
        for each, scores in stories[name]["silhouettes"].items():
            log.debug("class %r, layer %s: silhouette by k %s", name, each, scores)
    return Selection(decisions, stories, subclasses)


def _clustered(
    table: FeatureTable, labels: Iterable[int], options: SelectionOptions, seed: int
) -> Iterator[tuple[int, dict[str, Subclasses]]]:
    """The subclasses of these classes, layer by layer; those of small classes side by side."""

    def find(label: int) -> dict[str, Subclasses]:
        name, members = table.folder.classes[label], table.members(label)
        return {
            layer: find_subclasses(
                features.take(members),
                seeds.integer(seed, "subclasses", name, layer),
                k_max=options.k_max,
                criterion=options.criterion,
                space=options.cluster_space,
                layout=options.layout,
                landmarks=options.landmarks,
            )
            for layer, features in table.layers.items()
        }

    sizes = {label: len(table.members(label)) for label in labels}
    # umap-learn has threads of its own, which may not be begun twice at a time.
    return side_by_side(find, sizes, 0 if options.layout == "umap" else SMALL)


def _warn_of_chance(name: str, subclasses: Subclasses) -> None:
    if subclasses.k > 1 and not subclasses.above_chance:
        log.warning(
            "class %r: its clusters are no better than chance: the best silhouette is %.3f, and of "
            "twenty classes without any groups one has more than %.3f",
            name,
            max(subclasses.silhouettes.values()),
            subclasses.chance,
        )


def _quality(subclasses: Subclasses) -> float:
    # One cluster has no silhouette: any clustering is preferred to it, a tie goes to the first.
    return -2.0 if subclasses.silhouette is None else subclasses.silhouette


def _decide(
    subclasses: Subclasses, quotas: list[int], picked: NDArray[np.intp], pick: str
) -> list[Decision]:
    kept = np.zeros(len(subclasses.labels), bool)
    kept[picked] = True
    reasons = [
        f"{pick}: not among the {quota} of {size} kept in cluster {cluster}"
        for cluster, (quota, size) in enumerate(zip(quotas, subclasses.sizes, strict=True))
    ]
    return [
        Decision(keep, cluster, round(distance, DIGITS), "" if keep else reasons[cluster])
        for keep, cluster, distance in zip(
            kept.tolist(), subclasses.labels.tolist(), subclasses.distances.tolist(), strict=True
        )
    ]


def _story(found: Mapping[str, Subclasses], layer: str, quotas: list[int]) -> dict[str, Any]:
    chosen = found[layer]
    return {
        "layer": layer,
        "k": chosen.k,
        "silhouettes": {name: _by_k(each.silhouettes) for name, each in found.items()},
        "silhouette_errors": {name: _by_k(each.errors) for name, each in found.items()},
        "scores": {name: _by_k(each.scores) for name, each in found.items()},
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
    """As it is written; JSON has no infinity."""
    return round(value, DIGITS) if value is not None and math.isfinite(value) else None
