"""The heads of a trial are held back by one strength, chosen once and the same for all.

A head that chooses its own penalty in every cell takes ten times as long. May not import torch or
click.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.heads import fit_head
from rebalance.heads.folds import Sides, dealt

MOST = 800  # images that it is chosen on, as many of each class where there are
PARTS = 3  # of which one is held out

Labels = NDArray[np.int64]


def strength(features: NDArray[Any], labels: Labels, kin: NDArray[np.intp], seed: int) -> float:
    """Return the penalty of least loss on what was held out, times the images it was fitted on.

    So it is one prior for any number of images: a head fitted on n of them has a penalty of the
    strength over n. Whitened features have the same scale, and wherever both were chosen the same
    strength. features: [N, D]. labels: class index [N]. kin: images with the same number [N]
    are held out together.
    """
    classes = int(labels.max()) + 1
    fold = dealt(labels, kin, PARTS, seeds.integer(seed, "strength"), grouped=False)
    side = Sides(np.flatnonzero(fold > 0), np.flatnonzero(fold == 0))
    found = fit_head("logistic", features, labels, classes, whiten=0.0, sides=[side])
    return found.chosen["penalty"] * len(side.fitted)


def some_of_each(labels: Labels, seed: int) -> NDArray[np.intp]:
    """Draw up to ``MOST`` positions, rising: the same number of each class, or all it has."""
    rng = seeds.generator(seed, "strength")
    most = max(MOST // len(np.unique(labels)), 2)
    found = [rng.permutation(np.flatnonzero(labels == label))[:most] for label in np.unique(labels)]
    return np.sort(np.concatenate(found))
