"""What becomes of the training part of a fold.

``resampling`` decides, as it does for the commands. Here the clusterings of a part are kept for all
treatments that ask for them, and controls are drawn to the sizes that others lead to. May not
import torch or click.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import oversampling, undersampling
from rebalance.class_sizes import wanted_sizes
from rebalance.clusters import CLUSTERING, Subclasses
from rebalance.oversampling import Added
from rebalance.resampling import (
    Population,
    Subclassing,
    add,
    cut,
    grow,
    second_growth,
    sizes_to_cut,
    subclasses_of,
)
from rebalance.settings import Growth, SelectionOptions, SynthesisOptions
from rebalance.studies.rebalancing import Rebalancing


@dataclass(frozen=True, eq=False)
class Rebalanced:
    """kept: rising positions in the part. added: recipes over what is kept, by its positions."""

    kept: NDArray[np.intp]
    added: Added


NOTHING = Added(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


class Clusterings:
    """The ``subclasses_of`` one part, each clustering found once for all who ask.

    spared: the seconds that finding them again would have taken.
    """

    def __init__(self, part: Population) -> None:
        self.spared = 0.0
        self._part = part
        self._found: dict[tuple[Any, ...], tuple[Subclasses, float]] = {}

    def __call__(
        self, part: Population, label: int, layer: str, options: SelectionOptions
    ) -> Subclasses:
        if part is not self._part:
            return subclasses_of(part, label, layer, options)
        key = label, layer, *(getattr(options, name) for name in CLUSTERING)
        if key in self._found:
            found, seconds = self._found[key]
            self.spared += seconds
            return found
        began = time.perf_counter()
        found = subclasses_of(part, label, layer, options)
        self._found[key] = found, time.perf_counter() - began
        return found


def rebalance(
    part: Population, rebalancing: Rebalancing, subclassing: Subclassing = subclasses_of
) -> Rebalanced:
    """Return what becomes of the part.

    Raises TargetError, and FeatureError with the class's name.
    """
    if rebalancing.like is not None:
        return alike(part, rebalance(part, rebalancing.like, subclassing))
    kept, left = np.arange(len(part.labels)), part
    if rebalancing.cut is not None:
        sizes = wanted_sizes(part.counts, rebalancing.targets)
        wanted = sizes_to_cut(part.counts, sizes)
        kept = cut(part, wanted, rebalancing.cut, subclassing).kept
        left = part.take(kept)
    if rebalancing.raised is None:
        return Rebalanced(kept, NOTHING)
    growth = growth_of(rebalancing, part)
    return Rebalanced(kept, grow(left, growth, rebalancing.raised, subclassing).added)


def growth_of(rebalancing: Rebalancing, part: Population) -> Growth:
    """Return how far classes are raised, which were cut before where that is part of it."""
    second = rebalancing.cut is not None
    return second_growth(rebalancing.to, part.counts) if second else rebalancing.growth


def alike(part: Population, other: Rebalanced) -> Rebalanced:
    """Keep and repeat at random as many images of each class as ``other`` keeps and adds."""
    labels = part.labels[other.kept]
    classes = len(part.classes)
    sizes = np.bincount(labels, minlength=classes).tolist()
    fewer = sizes_to_cut(part.counts, dict(zip(part.classes, sizes, strict=True)))
    kept = cut(part, fewer, SelectionOptions(undersampling.BY_CHANCE)).kept
    more = np.bincount(labels[other.added.base], minlength=classes)
    wanted = {label: int(more[label]) for label in np.flatnonzero(more).tolist()}
    added = add(part.take(kept), wanted, SynthesisOptions(oversampling.BY_CHANCE))
    return Rebalanced(kept, added)
