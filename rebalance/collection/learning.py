"""Learning curves by class: what more images of it would bring. May not import torch or click."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.records import CollectionRecord

MORE = (50, 100, 200)


def learning_curves(
    features: NDArray[Any],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    *,
    groups: Sequence[Any] | None = None,
    kin: Sequence[int] | None = None,
    subclasses: Sequence[str] | None = None,
    more: Sequence[int] = MORE,
    seed: int = 0,
    repeats: int = 3,
    seconds: float | None = None,
    penalty: float | None = None,
) -> CollectionRecord:
    """Tell what more images of each class would bring, by learning curves that are extrapolated.

    features: [N, D], finite. labels: index into ``classes`` [N]. groups: what each image belongs
    to [N], such as its patient; images of a group stay together, and sizes count groups. kin:
    images with the same number [N] stay together, as copies do, and sizes still count images.
    subclasses: the name of each image's subclass [N]; without it they are found by k-means. more:
    how many further images, or groups, to speak of, beside twice as many. repeats: how often the
    images are dealt out to folds anew, and which of them are left out drawn anew. seconds: no part
    is begun that would not end by then, except the first ones; without it the same seed gives the
    same record but for ``seconds``. penalty: of the probe; without it, it is chosen.

    Raises DataError for fewer than two classes that can be held out.
    """
    raise NotImplementedError
