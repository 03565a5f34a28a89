"""A head of a probe has a task, and comes to a fitted head. May not import torch or click."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rebalance.studies.rebalanced import Rebalanced
from rebalance.studies.sides import Side

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.studies.plan import Definition


@dataclass(frozen=True, eq=False)
class Task:
    """A training: what is learned from, and by what.

    side: the images. chosen: what becomes of them. loss: of the definition, which knows the classes
    of the samples. asked: the features [n, D] and labels [n] of images that a regime is validated
    on. stream: the seed.
    """

    side: Side
    chosen: Rebalanced
    definition: "Definition"
    loss: "Loss"
    asked: tuple[NDArray[Any], NDArray[np.int64]]
    stream: int


class Fitted(NamedTuple):
    """A head that was fitted, as its study asks it.

    says: the probabilities [n, K] that it gives to features [n, D] as they come. draws: how much of
    each class [K] its last epoch saw. held: of samples that parts of the training part did not see,
    the logits [M, K] without what the head knows of the classes' shares, and the labels [M]; None
    where nothing was held out.
    """

    says: Callable[[NDArray[Any]], NDArray[np.float64]]
    draws: list[float]
    held: tuple[NDArray[np.float64], NDArray[np.int64]] | None = None
