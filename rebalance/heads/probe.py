"""A head on features that stay as they are: its penalty chosen on images that it did not see.

May not import torch or click.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.heads.logistic import Linear, fit_logistic, log_shares
from rebalance.heads.scaling import Floats, standardised, whitening
from rebalance.numerics.products import one_blas_thread

Labels = NDArray[np.int64]

# From where nothing is learned to where everything is, tried in this order.
PENALTIES = tuple(10.0 ** (-power / 2) for power in range(-2, 11))
USUAL = 0.01  # where nothing can be held out
PATIENCE = 2  # penalties in a row that do worse than the best, after which no lower one is tried
ROUGH = 1e-5  # slope at which a head that is only compared is done

log = logging.getLogger("rebalance")


@dataclass(frozen=True, eq=False)
class Sides:
    """Positions to fit on and to compare by, in a table of features."""

    fitted: NDArray[np.intp]
    compared: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ProbeHead:
    """A linear layer on the features as they come, and how it came about.

    penalty: the one that was chosen. tried: the loss by each penalty that was tried, in order.
    """

    layer: Linear
    penalty: float
    tried: dict[float, float] = field(default_factory=dict)


def fit_probe(
    features: NDArray[Any],
    labels: Labels,
    classes: int,
    *,
    whiten: float,
    weights: Floats,
    sides: Sequence[Sides],
    seen: int | None = None,
) -> ProbeHead:
    """Fit a linear layer by logistic regression on whitened features, folded into one.

    features: [N, D]. labels: class index [N]; every class is there. whiten: see
    ``scaling.whitening``. weights: how much each class counts [K]. sides: what penalties are
    compared by, each side fitted by itself, its own covariance too; without any the penalty is
    ``USUAL``. seen: how many of the features, from the first on, the head itself learns from; the
    others are there to be compared by.

    The penalty is the one of least log loss on what was held out, the mean over classes of the
    means of their images, of probabilities divided by the class shares of training: that the
    classes that are rare count as much, and that the prior is divided out when it decides.
    """
    with one_blas_thread():
        seen = len(features) if seen is None else seen
        scaling = standardised(features[:seen])
        inputs = scaling(features)
        tried = _tried(inputs, labels, classes, whiten, weights, sides)
        penalty = min(tried, key=lambda each: tried[each]) if tried else USUAL
        own = labels[:seen]
        turn = whitening(inputs[:seen], own, whiten)
        layer = fit_logistic(inputs[:seen] @ turn, own, classes, penalty, weights=weights)
        return ProbeHead(Linear(*scaling.followed_by(turn).folded(*layer)), penalty, tried)


def _tried(
    inputs: Floats,
    labels: Labels,
    classes: int,
    whiten: float,
    weights: Floats,
    sides: Sequence[Sides],
) -> dict[float, float]:
    """The loss by each penalty, from the highest down, until lower ones do no better."""
    paths = [_path(inputs, labels, classes, whiten, weights, each) for each in sides]
    tried: dict[float, float] = {}
    if not paths:
        return tried
    for penalty, found in zip(PENALTIES, zip(*paths, strict=True), strict=True):
        sums, counts = np.sum(found, axis=0)
        told = counts > 0
        tried[penalty] = float(np.mean(sums[told] / counts[told]))
        since = list(tried).index(penalty) - list(tried).index(min(tried, key=tried.__getitem__))
        if since >= PATIENCE:
            break
    return tried


def _path(
    inputs: Floats, labels: Labels, classes: int, whiten: float, weights: Floats, sides: Sides
) -> Iterator[tuple[Floats, Floats]]:
    """Yield, penalty after penalty, each class's loss on what is compared: its sum and count."""
    own = labels[sides.fitted]
    turn = whitening(inputs[sides.fitted], own, whiten)
    shown, held = inputs[sides.fitted] @ turn, inputs[sides.compared] @ turn
    there = np.bincount(own, minlength=classes)
    # A class that this side does not know is told apart from nothing: it is left out.
    known = (there > 0)[labels[sides.compared]]
    held, truth = held[known], labels[sides.compared][known]
    with np.errstate(divide="ignore"):
        prior = np.log(there * np.asarray(weights, float))
    prior = np.where(there > 0, prior, np.inf)
    layer: Linear | None = None
    for penalty in PENALTIES:
        layer = fit_logistic(
            shown, own, classes, penalty, weights=weights, start=layer, tolerance=ROUGH
        )
        shares = log_shares(layer.logits(held) - prior)
        losses = -shares[np.arange(len(truth)), truth]
        sums = np.bincount(truth, losses, classes).astype(float)
        yield sums, np.bincount(truth, minlength=classes).astype(float)
