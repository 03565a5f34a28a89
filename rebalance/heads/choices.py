"""The heads there are, and how one is fitted on features as they come.

A new one is a function ``(whole, parts)`` to a ``FittedLayer``, and its line in ``HEADS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import DataError, SettingError, choose, shown
from rebalance.heads.comparison import FittedLayer, adjusted, truth_of
from rebalance.heads.examples import Examples, Labels, Parting
from rebalance.heads.folds import Sides
from rebalance.heads.generative import gaussian, nearest_mean
from rebalance.heads.linear import Floats, Linear
from rebalance.heads.logistic import fit_logistic
from rebalance.heads.regression import ROUGH, crt, logistic, lws, tau_normalised
from rebalance.heads.scaling import Scaling, standardised
from rebalance.numerics.products import one_blas_thread
from rebalance.oversampling.soft_labels import SoftLabels

WHITEN = 0.4  # how far features are whitened where nothing else is asked for


@dataclass(frozen=True)
class Head:
    """A way to fit a linear layer.

    fit: from what there is to learn from, and the same in parts. knows_prior: whether its
    probabilities follow how much there was of each class, so that a prior is to be divided out;
    otherwise all classes are alike to it. whitens: whether its inputs are whitened first. shares:
    whether it learns from labels that two classes share.
    """

    fit: Callable[[Examples, Sequence[Parting]], FittedLayer]
    knows_prior: bool = False
    whitens: bool = True
    shares: bool = True


HEADS: dict[str, Head] = {
    "logistic": Head(logistic, knows_prior=True),
    "nearest-mean": Head(nearest_mean, shares=False),
    "gaussian": Head(gaussian, knows_prior=True, whitens=False, shares=False),
    "tau-normalised": Head(tau_normalised),
    "lws": Head(lws),
    "crt": Head(crt),
}


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A linear layer on the features as they come, and how it came about.

    chosen: the numbers that the head chose, by name, such as penalty. tried: for each name the loss
    by each number that was tried, in order; empty where nothing could be held out. held: the logits
    [M, K] of what was held out, by layers that did not see it, without the prior that the head
    knows. truth: its class index [M].
    """

    layer: Linear
    chosen: dict[str, float]
    tried: dict[str, dict[float, float]]
    held: Floats
    truth: Labels


def fit_head(
    head: str,
    features: NDArray[Any],
    labels: Labels | SoftLabels,
    classes: int,
    *,
    whiten: float | None = None,
    weights: NDArray[Any] | None = None,
    sides: Sequence[Sides] = (),
    seen: int | None = None,
    scaling: Scaling | None = None,
    penalty: float | None = None,
) -> LinearHead:
    """Fit a linear layer on standardised and whitened features, all of it folded into one.

    head: a key of ``HEADS``. features: [N, D]. labels: class index [N], or labels that two classes
    share; every class is there. whiten: see ``scaling.whitening``; None is ``WHITEN``. weights: how
    much each class counts [K], ones by default. sides: what the head's own numbers are chosen by,
    each side fitted by itself, its own covariance too (``folds.sides_of``); without any they are
    the usual ones. seen: how many of the features, from the first on, the head itself learns from;
    the others are there to be compared by. scaling: how features are scaled; None standardises
    them by those that are learned from. penalty: of ``logistic`` where it is known: then nothing is
    compared, and the fit is as rough as one that is. Nothing here is drawn at random.

    Raises SettingError for a head that is not known or has no use for ``whiten``, DataError for
    labels that it cannot learn from.

    >>> import numpy as np
    >>> from rebalance.heads import fit_head
    >>> features = np.array([[0.0, 5.0], [0.0, 3.0], [2.0, 3.0], [2.0, 5.0]])
    >>> found = fit_head("nearest-mean", features, np.array([0, 0, 1, 1]), 2)
    >>> found.layer.logits(features).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """
    chosen = head_of(head, whiten)
    soft = labels if isinstance(labels, SoftLabels) else SoftLabels.plain(labels)
    check_labels(head, soft)
    counted = np.ones(classes) if weights is None else np.asarray(weights, float)
    amount = (WHITEN if whiten is None else whiten) if chosen.whitens else 0.0
    seen = len(features) if seen is None else seen
    with one_blas_thread():
        if scaling is None:
            own = features[:seen]
            scaling = standardised(own[soft.share[:seen] == 0] if soft.shared else own)
        samples = Examples(scaling(features), soft, counted)
        whole, turn = samples.take(np.arange(seen)).turned(amount)
        parts = [Parting.of(samples, each, amount) for each in sides]
        parts = [part for part in parts if len(part.truth)]
        found = chosen.fit(whole, parts) if penalty is None else _known(whole, penalty)
        held, truth = np.empty((0, classes)), np.empty(0, np.int64)
        if parts:
            held = adjusted(found.layers, parts, balanced=not chosen.knows_prior)
            truth = truth_of(parts)
    layer = Linear(*scaling.followed_by(turn).folded(*found.layer))
    return LinearHead(layer, found.chosen, found.tried, held, truth)


def _known(whole: Examples, penalty: float) -> FittedLayer:
    layer = fit_logistic(whole, penalty, tolerance=ROUGH)
    return FittedLayer(layer, {"penalty": penalty}, {}, [])


def head_of(head: str, whiten: float | None = None) -> Head:
    """Return the head of that name.

    Raises SettingError where there is none, and where it has no use for ``whiten``.
    """
    if head not in HEADS:
        raise SettingError(f"no head {shown(head)}: {choose(head, HEADS)}")
    found = HEADS[head]
    if whiten is not None and not found.whitens:
        raise SettingError(
            f"the head {head} chooses by itself how far it shrinks its covariance: leave out "
            "--whiten, or choose another head"
        )
    return found


def check_labels(head: str, labels: SoftLabels) -> None:
    """Raise DataError where two classes share labels and the head cannot learn from them."""
    if labels.shared and not HEADS[head].shares:
        able = [name for name, each in HEADS.items() if each.shares]
        number = np.count_nonzero(labels.share)
        raise DataError(
            f"the head {head} learns where single classes lie, and {number} samples are "
            f"shared by two: choose one of {', '.join(able)}, or oversample by another method"
        )
