"""Heads that say where each class lies: by its mean, or by a Gaussian of the covariance of all.

Each is a function ``(whole, parts)`` to a ``FittedLayer``. Imports numpy; scipy when it compares.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from rebalance.heads.comparison import FittedLayer, adjusted, best_scale, truth_of
from rebalance.heads.examples import Examples, Parting
from rebalance.heads.linear import Floats, Linear

# How far the covariance goes to a multiple of the identity, tried in this order.
SHRINKAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
USUAL = 0.6  # where nothing can be held out


def nearest_mean(whole: Examples, parts: Sequence[Parting]) -> FittedLayer:
    """The class whose mean is nearest by Euclidean distance in the whitened space.

    Probabilities are the softmax of -distance²/2 times a scale, the one of least loss on what was
    held out.
    """
    layers = [_nearest(part.fitted) for part in parts]
    scale = 1.0
    if parts:
        scale, _ = best_scale(adjusted(layers, parts, balanced=True), truth_of(parts))
    layers = [layer.times(scale) for layer in layers]
    return FittedLayer(_nearest(whole).times(scale), {"scale": scale}, {}, layers)


def gaussian(whole: Examples, parts: Sequence[Parting]) -> FittedLayer:
    """Linear discriminant analysis: Gaussians of one covariance, shrunken to a multiple of I.

    The shrinkage is the one of least loss on what was held out, at the best scale of the log
    densities, which then stays: in many dimensions Gaussians are far too sure by themselves.
    """
    paths = [_densities(part.fitted, SHRINKAGES) for part in parts]
    tried, scales = {}, {}
    found: dict[float, Sequence[Linear]] = {}
    for shrinkage, layers in zip(SHRINKAGES, zip(*paths, strict=True), strict=False):
        found[shrinkage] = layers
        said = adjusted(layers, parts, balanced=True)
        scales[shrinkage], tried[shrinkage] = best_scale(said, truth_of(parts))
    shrinkage = min(tried, key=tried.__getitem__) if tried else USUAL
    scale = scales.get(shrinkage, 1.0)
    (layer,) = _densities(whole, [shrinkage])
    pairs = zip(found.get(shrinkage, ()), parts, strict=True)
    return FittedLayer(
        _with_prior(layer.times(scale), whole),
        {"shrinkage": shrinkage, "scale": scale},
        {"shrinkage": tried},
        [_with_prior(each.times(scale), part.fitted) for each, part in pairs],
    )


def _means(samples: Examples) -> Floats:
    """The mean of the samples of each class [K, d]; 0 for a class without any."""
    sums = np.zeros((samples.classes, samples.inputs.shape[1]))
    np.add.at(sums, samples.labels.own, samples.inputs)
    counts = np.bincount(samples.labels.own, minlength=samples.classes)
    means: Floats = sums / np.maximum(counts, 1)[:, None]
    return means


def _nearest(samples: Examples) -> Linear:
    means = _means(samples)
    return Linear(means, -np.square(means).sum(axis=1) / 2)


def _densities(samples: Examples, shrinkages: Sequence[float]) -> Iterator[Linear]:
    """Yield the layer of each shrinkage in turn: of the log density, up to what all share.

    With S the pooled covariance within classes, each sample weighed as its class, it is that of
    (1 - s)·S + s·(tr S/d)·I.
    """
    means = _means(samples)
    own = samples.labels.own
    apart = (samples.inputs - means[own]) * np.sqrt(samples.weights[own])[:, None]
    values, vectors = np.linalg.eigh(apart.T @ apart / samples.amounts.sum())
    spread = float(values.mean())
    turned = means @ vectors
    for shrinkage in shrinkages:
        variances = (1 - shrinkage) * values + shrinkage * spread
        weight = turned / np.maximum(variances, max(1e-9 * spread, 1e-300))
        yield Linear(weight @ vectors.T, -(weight * turned).sum(axis=1) / 2)


def _with_prior(layer: Linear, samples: Examples) -> Linear:
    amounts = samples.amounts
    prior = np.log(np.maximum(amounts, 1e-300) / amounts.sum())
    return layer._replace(bias=layer.bias + prior)
