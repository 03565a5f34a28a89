"""The training part of a fold as heads learn from it: rebalanced, scaled, and dealt out again.

May not import torch or click.
"""

import time
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.heads.folds import dealt_at_most
from rebalance.heads.scaling import Floats, Scaling, standardised
from rebalance.oversampling import synthesise
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.resampling import Population
from rebalance.studies.rebalanced import Clusterings, Rebalanced, alike, rebalance
from rebalance.studies.rebalancing import LAYER, Rebalancing

Float32s = NDArray[np.float32]
INNER_FOLDS = 3


class Side:
    """The images of a block that are learned from, and how their features are scaled.

    part: those images. asked: positions in the study of those that a regime is validated on. kin:
    images of the part with the same number [n] stay together. grouped: whether these are groups.
    """

    def __init__(
        self,
        part: Population,
        asked: NDArray[np.intp],
        kin: NDArray[np.intp],
        *,
        grouped: bool = False,
    ) -> None:
        self.part, self.asked, self.kin, self.grouped = part, asked, kin, grouped
        self._clusterings = Clusterings(part)
        self._known: dict[Rebalancing, tuple[Rebalanced, float]] = {}

    def rebalanced(self, rebalancing: Rebalancing) -> tuple[Rebalanced, float]:
        """Return what becomes of the part, and the seconds that it takes by itself."""
        if rebalancing not in self._known:
            like = None if rebalancing.like is None else self.rebalanced(rebalancing.like)[0]
            began, known = time.perf_counter(), self._clusterings.spared
            if like is None:
                found = rebalance(self.part, rebalancing, self._clusterings)
            else:
                found = alike(self.part, like)
            spared = self._clusterings.spared - known
            self._known[rebalancing] = found, time.perf_counter() - began + spared
        return self._known[rebalancing]

    def labels(self, chosen: Rebalanced) -> SoftLabels:
        """The labels of what is kept and added."""
        labels = self.part.labels[chosen.kept]
        return SoftLabels.plain(labels).joined(chosen.added.labelled(labels))

    def samples(self, chosen: Rebalanced) -> Float32s:
        """The scaled features of what is kept and added."""
        kept = self.inputs[chosen.kept]
        return np.concatenate([kept, synthesise(kept, chosen.added)])

    def scaled(self, features: NDArray[Any]) -> Float32s:
        """Standardised by the mean and the deviation of the part, before it is rebalanced."""
        mean, deviation = self._moments
        return (features.astype(np.float32) - mean) / deviation

    @cached_property
    def scaling(self) -> Scaling:
        """The way from features to standardised components, by the part before rebalancing."""
        return standardised(self.part.features(LAYER))

    @cached_property
    def components(self) -> Floats:
        """The standardised components [n, d] of the part."""
        return self.scaling(self.part.features(LAYER))

    @cached_property
    def inner(self) -> NDArray[np.intp] | None:
        """The fold [n] that each image is held out in by a head that chooses its own penalty.

        None where no class has two images that may be parted.
        """
        stream = seeds.integer(self.part.seed, "penalty")
        return dealt_at_most(self.part.labels, self.kin, INNER_FOLDS, stream, grouped=self.grouped)

    @cached_property
    def inputs(self) -> Float32s:
        """The standardised features [n, D] of the part."""
        return self.scaled(self.part.features(LAYER))

    @cached_property
    def _moments(self) -> tuple[Float32s, Float32s]:
        features = self.part.features(LAYER)
        deviation = features.std(axis=0)
        return features.mean(axis=0), np.where(deviation > 0, deviation, np.float32(1))
