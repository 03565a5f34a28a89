"""The training part of a fold, rebalanced by the library's own functions.

Pure functions of arrays; equal to what the commands do with the same images and seed. May not
import torch or click.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.class_sizes import grown_sizes, target_size, wanted_sizes
from rebalance.clusters import Subclasses, find_subclasses
from rebalance.errors import FeatureError
from rebalance.neighbours import search_among
from rebalance.numerics.pca import InMemory
from rebalance.oversampling import OVERSAMPLERS, Added, cluster_total
from rebalance.settings import Growth, SelectionOptions, SynthesisOptions, Targets
from rebalance.studies.rebalancings import SUBCLASS_KEYS, Rebalancing
from rebalance.undersampling import PICKERS, UNDERSAMPLERS, allot, pick_per_cluster

LAYER = "pool"

Positions = NDArray[np.intp]
Sizes = dict[int, int]


@dataclass(frozen=True, eq=False)
class Part:
    """Images to rebalance. features: [N, D], as stored. labels: index into ``classes`` [N]."""

    features: NDArray[np.float16]
    labels: NDArray[np.int64]
    classes: Sequence[str]
    seed: int

    @property
    def counts(self) -> dict[str, int]:
        """Images per class by name, in class order."""
        counts = np.bincount(self.labels, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, counts, strict=True))

    def members(self, label: int) -> Positions:
        """The positions of the images of a class."""
        return np.flatnonzero(self.labels == label)

    def take(self, positions: Positions) -> "Part":
        """The images at ``positions``, with the same seed."""
        return Part(self.features[positions], self.labels[positions], self.classes, self.seed)


@dataclass(frozen=True, eq=False)
class Rebalanced:
    """kept: rising positions in the part. added: recipes over what is kept, by its positions."""

    kept: Positions
    added: Added


Subclassing = Callable[[Part, int, SelectionOptions], Subclasses]


def subclasses_of(part: Part, label: int, options: SelectionOptions) -> Subclasses:
    """The subclasses of a class of the part, as undersample and oversample find them."""
    stream = seeds.integer(part.seed, "subclasses", part.classes[label], LAYER)
    return find_subclasses(
        InMemory(part.features[part.members(label)]),
        stream,
        k_max=options.k_max,
        criterion=options.criterion,
        space=options.cluster_space,
        layout=options.layout,
        landmarks=options.landmarks,
    )


class Clusterings:
    """``subclasses_of`` one part, each clustering found once for all who ask.

    spared: the seconds that finding them again would have taken.
    """

    def __init__(self, part: Part) -> None:
        self.spared = 0.0
        self._part = part
        self._found: dict[tuple[int, tuple[Any, ...]], tuple[Subclasses, float]] = {}

    def __call__(self, part: Part, label: int, options: SelectionOptions) -> Subclasses:
        if part is not self._part:
            return subclasses_of(part, label, options)
        key = label, tuple(getattr(options, name) for name in SUBCLASS_KEYS if name != "pick")
        if key in self._found:
            found, seconds = self._found[key]
            self.spared += seconds
            return found
        began = time.perf_counter()
        found = subclasses_of(part, label, options)
        self._found[key] = found, time.perf_counter() - began
        return found


def rebalance(
    part: Part, rebalancing: Rebalancing, subclassing: Subclassing = subclasses_of
) -> Rebalanced:
    """What becomes of the part. Raises TargetError, and FeatureError with the class's name."""
    try:
        if rebalancing.like is not None:
            return alike(part, rebalance(part, rebalancing.like, subclassing))
        kept = np.arange(len(part.labels))
        if rebalancing.cut is not None:
            kept = _kept(part, rebalancing.cut, rebalancing.to, subclassing)
        if rebalancing.raised is None:
            return Rebalanced(kept, NOTHING)
        if rebalancing.cut is None:
            growth = Growth(rebalancing.to)
            return Rebalanced(kept, _added(part, rebalancing.raised, growth, subclassing))
        # A ratio of the smallest class is a number to the second step, as for hybrid.
        size = target_size(rebalancing.to, min(filter(None, part.counts.values())))
        left = part.take(kept)
        return Rebalanced(kept, _added(left, rebalancing.raised, Growth(str(size)), subclassing))
    except FeatureError as error:
        raise error.named(part.classes) from None


NOTHING = Added(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def _kept(part: Part, selection: SelectionOptions, to: str, subclassing: Subclassing) -> Positions:
    wanted = _fewer(part, wanted_sizes(part.counts, Targets(to)))
    if selection.method == "random":
        return _at_random(part, wanted)
    if selection.method != "subclass":
        rng = seeds.generator(part.seed, "undersample", selection.method)
        features = part.features.astype(np.float32)
        return UNDERSAMPLERS[selection.method](features, part.labels, wanted, rng)
    kept = np.isin(part.labels, list(wanted), invert=True)
    for label, size in wanted.items():
        found = subclassing(part, label, selection)
        rng = seeds.generator(part.seed, "pick", part.classes[label])
        picked = pick_per_cluster(
            found.labels, found.distances, allot(found.sizes, size), PICKERS[selection.pick], rng
        )
        kept[part.members(label)[picked]] = True
    return np.flatnonzero(kept)


def _at_random(part: Part, wanted: Mapping[int, int]) -> Positions:
    kept = np.ones(len(part.labels), bool)
    for label, size in wanted.items():
        rng = seeds.generator(part.seed, "undersample", "random", part.classes[label])
        rest = UNDERSAMPLERS["random"](None, part.labels, {label: size}, rng)
        kept &= np.isin(np.arange(len(kept)), rest)
    return np.flatnonzero(kept)


def _added(
    part: Part, synthesis: SynthesisOptions, growth: Growth, subclassing: Subclassing
) -> Added:
    found: dict[int, NDArray[np.intp]] = {}
    largest = None

    def clusters(label: int) -> Subclasses:
        return subclassing(part, label, SelectionOptions())

    if synthesis.method == "cluster" and not growth.to.strip().isdigit():
        label = int(np.argmax(list(part.counts.values())))
        largest = cluster_total(clusters(label).sizes)
    wanted = _more(part, grown_sizes(part.counts, growth, largest))
    if synthesis.method == "cluster":
        found = {label: clusters(label).labels for label in wanted}
    oversampler = OVERSAMPLERS[synthesis.method]
    features = None
    if oversampler.needs_features and not found:
        features = part.features.astype(np.float32)
    return oversampler(
        features,
        part.labels,
        wanted,
        seeds.generator(part.seed, "oversample"),
        neighbours=synthesis.neighbours,
        names=part.classes,
        subclasses=found,
        nearest=search_among(
            len(part.labels), device="cpu", seed=seeds.integer(part.seed, "neighbours")
        ),
    )


def alike(part: Part, other: Rebalanced) -> Rebalanced:
    """As many images of each class kept as ``other`` keeps, and repeated as it adds, by chance."""
    labels = part.labels[other.kept]
    classes = len(part.classes)
    sizes = np.bincount(labels, minlength=classes)
    fewer = _fewer(part, dict(zip(part.classes, sizes.tolist(), strict=True)))
    kept = _at_random(part, fewer)
    left = part.take(kept)
    more = np.bincount(labels[other.added.base], minlength=classes)
    wanted = {label: int(more[label]) for label in np.flatnonzero(more).tolist()}
    rng = seeds.generator(part.seed, "oversample")
    added = OVERSAMPLERS["ros"](None, left.labels, wanted, rng, names=part.classes)
    return Rebalanced(kept, added)


def _fewer(part: Part, sizes: Mapping[str, int]) -> Sizes:
    """The classes that shrink: label and wanted size."""
    return {
        label: sizes[name]
        for label, (name, count) in enumerate(part.counts.items())
        if sizes[name] < count
    }


def _more(part: Part, sizes: Mapping[str, int]) -> Sizes:
    """The classes that grow: label and how many to add."""
    return {
        label: sizes[name] - count
        for label, (name, count) in enumerate(part.counts.items())
        if sizes[name] > count
    }
