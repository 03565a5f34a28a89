"""The setup of a study: everything its cells are computed from, ready to be sent to processes.

May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.splits import stratified_split
from rebalance.settings import StudyOptions
from rebalance.studies.cells import CellStore

INNER = 0.2  # share of a training part that a regime which asks for it is validated on


@dataclass(frozen=True, eq=False)
class Setup:
    """The images, their folds and their features.

    images, test: what can be read of them; the classes of both are those of ``images``. kin: images
    with the same number [N] stay together; None where each is alone. folds: the fold of each image
    [N], by seed. features: where those of the images are, and of the test images: a .npy file each,
    [N, D]. device: of training at depth ``full``. scale: of images with more than 8 bits a sample.
    """

    options: StudyOptions
    cells: CellStore
    images: ImageFolder
    test: ImageFolder | None
    kin: NDArray[np.intp] | None
    folds: Mapping[int, NDArray[np.intp]]
    features: Path
    test_features: Path | None
    device: str
    scale: DepthScale = EACH_ALONE

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class index [N] of each image."""
        return np.asarray(self.images.labels, dtype=np.int64)

    def sides(self, seed: int, fold: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the positions to train on and those to validate on, both rising."""
        validated = self.folds[seed] == fold
        return np.flatnonzero(~validated), np.flatnonzero(validated)

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
