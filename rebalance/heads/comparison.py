"""Numbers that a head has to choose, compared on samples that it did not see.

Imports numpy, and scipy when it compares.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.heads.examples import Labels, Parting
from rebalance.heads.linear import Floats, Linear

SCALES = (1e-3, 1e3)  # beyond these probabilities are alike, or certain


@dataclass(frozen=True, eq=False)
class FittedLayer:
    """A layer in the space that it was fitted in, and how it came about.

    chosen: the numbers that were chosen, by name. tried: for each name the loss by each number.
    layers: fitted on each of the parts alone, by the same numbers.
    """

    layer: Linear
    chosen: dict[str, float]
    tried: dict[str, dict[float, float]]
    layers: Sequence[Linear]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The losses of numbers that were tried in turn.

    tried: the loss by each of them, in order. layers: of the best one, a layer for each part.
    """

    tried: dict[float, float]
    layers: Sequence[Linear]

    @property
    def best(self) -> float:
        """The number of least loss (tie: the earlier)."""
        return min(self.tried, key=self.tried.__getitem__)


def compare(
    attempts: Iterable[tuple[float, Sequence[Linear]]],
    parts: Sequence[Parting],
    *,
    patience: int | None = None,
) -> Comparison:
    """Try numbers in turn: each comes with a layer for each of the parts.

    The layers follow how much there is of each class, which is divided out. The loss is the mean
    over classes of the mean log loss of their samples, over all parts: the classes that are rare
    count as much, and the prior is divided out when a probe decides. patience: how many in a row
    may do no better than the best before it ends.
    """
    tried: dict[float, float] = {}
    best: Sequence[Linear] = ()
    least, since = np.inf, 0
    for number, layers in attempts:
        loss = balanced_loss(adjusted(layers, parts, balanced=False), truth_of(parts))
        tried[number] = loss
        since += 1
        if loss < least:
            least, since, best = loss, 0, layers
        if since == patience:
            break
    return Comparison(tried, best)


def adjusted(layers: Sequence[Linear], parts: Sequence[Parting], *, balanced: bool) -> Floats:
    """Return the logits of all that is compared by [M, K], part after part, without a prior."""
    pairs = zip(layers, parts, strict=True)
    return np.concatenate(
        [
            part.adjusted(layer, np.ones(part.fitted.classes) if balanced else part.fitted.amounts)
            for layer, part in pairs
        ]
    )


def truth_of(parts: Sequence[Parting]) -> Labels:
    """Return the class index [M] of all that is compared by, part after part."""
    return np.concatenate([part.truth for part in parts])


def balanced_loss(logits: NDArray[Any], truth: Labels) -> float:
    """Return the mean over classes of the mean log loss of their samples."""
    from scipy.special import log_softmax

    losses = -log_softmax(logits, axis=1)[np.arange(len(truth)), truth]
    counts = np.bincount(truth)
    told = counts > 0
    return float(np.mean(np.bincount(truth, losses)[told] / counts[told]))


def best_scale(logits: NDArray[Any], truth: Labels) -> tuple[float, float]:
    """Return the number that logits are to be multiplied by for the least loss, and that loss."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda power: balanced_loss(logits * np.exp(power), truth),
        bounds=tuple(np.log(SCALES)),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(found.x)), float(found.fun)
