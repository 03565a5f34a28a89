"""Heads by logistic regression: plain, retrained on classes alike, or with its rows rescaled.

Each is a function ``(whole, parts)`` to a ``FittedLayer``: what to learn from, and the same in
parts, by which numbers are chosen. Imports numpy, and scipy when it fits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rebalance.heads.comparison import (
    FittedLayer,
    adjusted,
    best_scale,
    compare,
    truth_of,
)
from rebalance.heads.examples import Examples, Labels, Parting
from rebalance.heads.linear import Floats, Linear
from rebalance.heads.logistic import fit_logistic

# From where nothing is learned to where everything is, tried in this order.
PENALTIES = tuple(10.0 ** (-power / 2) for power in range(-2, 11))
USUAL = 0.01  # where nothing can be held out
PATIENCE = 2  # penalties in a row that do worse than the best, after which no lower one is tried
ROUGH = 1e-5  # slope at which a head that is only compared is done
TAUS = tuple(step / 10 for step in range(21))
LARGEST_FACTOR = 100.0  # of a class's logits


def logistic(whole: Examples, parts: Sequence[Parting]) -> FittedLayer:
    """Multinomial logistic regression, its penalty the one of least loss on what was held out."""
    paths = [_path(part.fitted) for part in parts]
    found = compare(
        zip(PENALTIES, zip(*paths, strict=True), strict=False), parts, patience=PATIENCE
    )
    penalty = found.best if found.tried else USUAL
    return FittedLayer(
        fit_logistic(whole, penalty), {"penalty": penalty}, {"penalty": found.tried}, found.layers
    )


def crt(whole: Examples, parts: Sequence[Parting]) -> FittedLayer:
    """Classifier re-training: logistic regression from fresh weights, all classes drawn alike.

    On features that stay as they are, class-balanced sampling to the end is logistic regression
    whose samples weigh one over the size of their class (Kang et al. 2020, section 4.1).
    """
    return logistic(_even(whole), [replace(part, fitted=_even(part.fitted)) for part in parts])


def tau_normalised(whole: Examples, parts: Sequence[Parting]) -> FittedLayer:
    """Logistic regression whose weights of each class are divided by a power of their norm.

    The power, tau, is the one of least loss on what was held out, at its best scale (Kang et al.
    2020, section 4.2).
    """
    plain = logistic(whole, parts)
    tried, scales = {}, {}
    for tau in TAUS if parts else ():
        layers = [normalised(layer, tau) for layer in plain.layers]
        said = adjusted(layers, parts, balanced=True)
        scales[tau], tried[tau] = best_scale(said, truth_of(parts))
    tau = min(tried, key=tried.__getitem__) if tried else 1.0
    scale = scales.get(tau, 1.0)
    return FittedLayer(
        normalised(plain.layer, tau).times(scale),
        {**plain.chosen, "tau": tau, "scale": scale},
        {**plain.tried, "tau": tried},
        [normalised(layer, tau).times(scale) for layer in plain.layers],
    )


def lws(whole: Examples, parts: Sequence[Parting]) -> FittedLayer:
    """Learnable weight scaling: logistic regression, the weights of each class times a factor.

    The factors minimise the loss on what was held out, all classes counting alike (Kang et al.
    2020, section 4.2). The bias is left out, as published.
    """
    plain = logistic(whole, parts)
    layer, *layers = (normalised(each, 0) for each in (plain.layer, *plain.layers))
    if parts:
        said, truth = adjusted(layers, parts, balanced=True), truth_of(parts)
    else:
        said, truth = layer.logits(whole.inputs), whole.labels.own
    factors = _factors(said, truth)
    scaled = [each.times(factors) for each in layers]
    return FittedLayer(layer.times(factors), plain.chosen, plain.tried, scaled)


def normalised(layer: Linear, tau: float) -> Linear:
    """Return the layer w / ‖w‖^tau of each class, without its bias, as published.

    Norms are taken relative to their geometric mean, which changes no decision.
    """
    norms = np.linalg.norm(layer.weight, axis=1)
    norms = np.maximum(norms, 1e-12 * max(norms.max(), 1e-300))
    factors = (np.exp(np.log(norms).mean()) / norms) ** tau
    return Linear(layer.weight * factors[:, None], np.zeros(len(norms)))


def _even(samples: Examples) -> Examples:
    """The samples, those of each class counting as much together as those of another."""
    amounts = np.array(samples.labels.amounts(samples.classes))
    there = amounts > 0
    return replace(samples, weights=samples.weights * there / np.where(there, amounts, 1.0))


def _path(samples: Examples) -> Iterator[Linear]:
    """Yield a layer for each of the penalties in turn, each fit going on from the one before."""
    layer: Linear | None = None
    for penalty in PENALTIES:
        layer = fit_logistic(samples, penalty, start=layer, tolerance=ROUGH)
        yield layer


def _factors(logits: Floats, truth: Labels) -> Floats:
    """The factors of the classes [K] of the least balanced loss."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    counts = np.bincount(truth, minlength=logits.shape[1])
    weights = 1 / counts[truth] / np.count_nonzero(counts)
    rows = np.arange(len(truth))
    usable = np.where(np.isfinite(logits), logits, 0.0)
    away = np.where(np.isfinite(logits), 0.0, -np.inf)

    def value_and_slope(factors: Floats) -> tuple[float, Floats]:
        said = log_softmax(usable * factors + away, axis=1)
        wrong = np.exp(said)
        wrong[rows, truth] -= 1
        return -float(weights @ said[rows, truth]), weights @ (wrong * usable)

    found = minimize(
        value_and_slope,
        np.ones(logits.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, LARGEST_FACTOR)] * logits.shape[1],
    )
    factors: Floats = found.x
    return factors
