"""The setup of a study: everything its cells are computed from, ready to be sent to processes.

May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.splits import stratified_split
from rebalance.heads.folds import groups_per_class
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.resampling import Population
from rebalance.settings import StudyOptions
from rebalance.studies.cells import CellStore

SeedAndFold = tuple[int, int]

INNER = 0.2  # share of a training part that a regime which asks for it is validated on


@dataclass(frozen=True, eq=False)
class View:
    """The features of the images of a study, as one network gives them.

    layers: of the images by layer, [N, D] each; ``LAYER`` is among them. tested: of the test images
    by ``LAYER``, [T, D]; None where nothing is scored by them.
    """

    layers: Mapping[str, FeatureMatrix]
    tested: FeatureMatrix | None = None


@dataclass(frozen=True, eq=False)
class Setup:
    """The images, their folds and their features.

    images, test: what can be read of them; the classes of both are those of ``images``. kin: images
    with the same number [N] stay together; None where each is alone. folds: the fold of each image
    [N], by seed. views: the features by seed and fold, where any of their cells is left to run: of
    a network that stays as it is all the same, of one that learns from each fold its own. device:
    of training at depth ``full``. scale: of images with more than 8 bits a sample.
    """

    options: StudyOptions
    cells: CellStore
    images: ImageFolder
    test: ImageFolder | None
    kin: NDArray[np.intp] | None
    folds: Mapping[int, NDArray[np.intp]]
    views: Mapping[SeedAndFold, View]
    device: str
    scale: DepthScale = EACH_ALONE

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class index [N] of each image."""
        return np.asarray(self.images.labels, dtype=np.int64)

    @property
    def groups_per_class(self) -> dict[str, int]:
        """How many groups, or where none were given different images, each class is of, by name."""
        kin = np.arange(len(self.labels)) if self.kin is None else self.kin
        counts = groups_per_class(self.labels, kin)
        return {self.images.classes[label]: count for label, count in counts.items()}

    def sides(self, seed: int, fold: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the positions to train on and those to validate on, both rising."""
        validated = self.folds[seed] == fold
        return np.flatnonzero(~validated), np.flatnonzero(validated)

    def part(self, seed: int, fold: int, positions: NDArray[np.intp]) -> Population:
        """Return images of a fold's training part with their features, as what is rebalanced."""
        layers = self.views[seed, fold].layers
        return Population(
            self.labels[positions],
            self.images.classes,
            {name: features.take(positions) for name, features in layers.items()},
            stream_of(seed, fold),
        )

    def inner_sides(
        self, trained: NDArray[np.intp], stream: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Divide a training part in the same way, for a regime that validates in between."""
        rng = seeds.generator(stream, "inner")
        kin = None if self.kin is None else self.kin[trained].tolist()
        learned, asked = stratified_split(self.labels[trained], INNER, rng, kin)
        return trained[learned], trained[asked]


def stream_of(seed: int, fold: int) -> int:
    """Return the seed of everything random in a cell.

    It is the same for all treatments, so that they can be compared.
    """
    return seeds.integer(seed, "fold", fold)
