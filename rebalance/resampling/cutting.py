"""Which samples of the classes that shrink are kept."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rebalance.clusters import Subclasses
from rebalance.errors import FeatureError
from rebalance.numerics.products import SMALL, side_by_side
from rebalance.progress import Progress, silent
from rebalance.resampling.population import Population, Positions
from rebalance.resampling.subclassing import Subclassing, subclasses_of
from rebalance.settings import CANDIDATES, SelectionOptions
from rebalance.undersampling import UNDERSAMPLERS, Undersampler


@dataclass(frozen=True, eq=False)
class Clustered:
    """The subclasses of a class by each layer that was looked at, and the layer it went by."""

    layers: Mapping[str, Subclasses]
    layer: str

    @property
    def subclasses(self) -> Subclasses:
        """The subclasses that it went by."""
        return self.layers[self.layer]


@dataclass(frozen=True, eq=False)
class Cut:
    """What is kept of a population.

    kept: rising positions. clustered: the classes whose subclasses told what to keep, by label.
    """

    kept: Positions
    clustered: Mapping[int, Clustered] = field(default_factory=dict)


def sizes_to_cut(counts: Mapping[str, int], sizes: Mapping[str, int]) -> dict[int, int]:
    """The classes that shrink: label and wanted size.

    counts: samples of each class by name, in class order. sizes: how many it is to have.
    """
    return {
        label: sizes[name]
        for label, (name, count) in enumerate(counts.items())
        if sizes[name] < count
    }


def cut(
    population: Population,
    wanted: Mapping[int, int],
    options: SelectionOptions,
    subclassing: Subclassing = subclasses_of,
    progress: Progress = silent,
) -> Cut:
    """Keep as many samples of each class as are wanted, and all of the classes not wanted smaller.

    wanted: the size of each class to cut, by label. Methods that are not ``exact`` may keep more or
    fewer. Raises FeatureError, naming the class, where the method cannot work.
    """
    method = UNDERSAMPLERS[options.method]
    own: dict[str, Any] = {name: getattr(options, name) for name in method.own}
    clustered: dict[int, Clustered] = {}
    try:
        if method.by_subclass:
            finding = _clustered(population, wanted, options, subclassing)
            total = len(wanted)
            clustered = dict(progress(finding, total=total, what="clustering", unit="classes"))
            own["subclasses"] = {label: each.subclasses for label, each in clustered.items()}
        # Those who know the subclasses of a class look at nothing else.
        layer = None if method.by_subclass else method.layer(options)
        keep = _kept_by_class if method.by_class else _kept_together
        return Cut(keep(population, wanted, method, layer, own), clustered)
    except FeatureError as error:
        raise error.named(population.classes) from None


def _kept_together(
    population: Population,
    wanted: Mapping[int, int],
    method: Undersampler,
    layer: str | None,
    own: Mapping[str, Any],
) -> Positions:
    features = None if layer is None else population.features(layer)
    rng = method.generator(population.seed)
    return method(features, population.labels, wanted, rng, **own)


def _kept_by_class(
    population: Population,
    wanted: Mapping[int, int],
    method: Undersampler,
    layer: str | None,
    own: Mapping[str, Any],
) -> Positions:
    kept = np.isin(population.labels, list(wanted), invert=True)
    for label, size in wanted.items():
        members = population.members(label)
        features = None if layer is None else population.features(layer, members)
        labels = population.labels[members]
        rng = method.generator(population.seed, population.classes[label])
        kept[members[method(features, labels, {label: size}, rng, **own)]] = True
    return np.flatnonzero(kept)


def _clustered(
    population: Population,
    labels: Iterable[int],
    options: SelectionOptions,
    subclassing: Subclassing,
) -> Iterator[tuple[int, Clustered]]:
    """The subclasses of these classes, layer by layer; those of small classes side by side."""

    def find(label: int) -> Clustered:
        found = {layer: subclassing(population, label, layer, options) for layer in layers}
        return Clustered(found, max(found, key=lambda layer: _quality(found[layer])))

    candidates = [layer for layer in population.layers if layer in CANDIDATES]
    layers = candidates if options.layer == "auto" else [options.layer]
    sizes = {label: len(population.members(label)) for label in labels}
    # umap-learn has threads of its own, which may not be begun twice at a time.
    return side_by_side(find, sizes, 0 if options.layout == "umap" else SMALL)


def _quality(subclasses: Subclasses) -> float:
    # One cluster has no silhouette: any clustering is preferred to it, a tie goes to the first.
    return -2.0 if subclasses.silhouette is None else subclasses.silhouette
