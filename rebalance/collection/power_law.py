"""A learning curve as a power law that may be off, and what it says of sizes not yet seen.

The error at n of one class is e + a·((n/N)^-b - 1), N the largest size that was seen: e there, and
a what can still be won at most. Added are a random walk along the logarithm of n, for no curve is a
power law all the way, and the noise of what was measured. May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.collection.noise import Measured

Floats = NDArray[np.float64]

POWERS = np.array([0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4])
AMOUNTS = np.concatenate([[0.0], np.geomspace(0.004, 1, 40)])  # of the most there could be to win
WALKS = np.array([0.0, 0.01, 0.02, 0.04, 0.08])  # deviation per doubling, in recall of one class


@dataclass(frozen=True, eq=False)
class Prediction:
    """A number that is not known: a mixture of normal distributions of these weights."""

    means: Floats
    deviations: Floats
    weights: Floats

    def below(self, value: float) -> float:
        """The probability that it is less than ``value``."""
        from scipy.special import ndtr

        return float(self.weights @ ndtr((value - self.means) / self.deviations))

    def stray(self, value: float) -> float:
        """Return how far off a value is, in deviations of a normal distribution."""
        from scipy.special import ndtri

        return float(ndtri(np.clip(self.below(value), 1e-4, 1 - 1e-4)))

    def quantile(self, share: float) -> float:
        """The value that it is below with this probability, by bisection."""
        low = float((self.means - 8 * self.deviations).min())
        high = float((self.means + 8 * self.deviations).max())
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self.below(middle) < share else (low, middle)
        return (low + high) / 2


@dataclass(frozen=True, eq=False)
class Posterior:
    """The laws that a curve allows: a weight for each amount, power and walk [A, P, W].

    size: the largest that was seen. most: what there could be to win at most.
    walks: the deviation per doubling of each walk. luck: see ``noise.Measured``.
    """

    weights: Floats
    size: float
    most: float
    walks: Floats
    luck: float

    def gain(self, before: float, after: float) -> Prediction:
        """Foretell what the error loses from one size to a larger one, neither below ``size``."""
        bent = (before / self.size) ** -POWERS - (after / self.size) ** -POWERS
        means = self.most * AMOUNTS[:, None] * bent[None, :]
        # The more is added, the less it matters which images there were before.
        lucky = self.luck * (after - before) / after
        deviations = np.sqrt(self.walks**2 * np.log2(after / before) + lucky + 1e-18)
        shape = self.weights.shape
        return Prediction(
            np.broadcast_to(means[:, :, None], shape).ravel(),
            np.broadcast_to(deviations, shape).ravel(),
            self.weights.ravel(),
        )


def fitted(curves: Mapping[Any, Measured], scale: float, lean: float = 1.0) -> dict[Any, Posterior]:
    """Fit a law to each curve; how far curves walk off their laws they tell together.

    scale: what a recall counts in these errors, 1 or a share. lean: how likely an amount is before
    anything was measured: as this power of it, on a grid that is finer towards 0.
    """
    from scipy.special import logsumexp

    before = lean * np.log(np.maximum(AMOUNTS, AMOUNTS[1]))[:, None, None]
    found = {key: likelihoods(curve, scale) + before for key, curve in curves.items()}
    of_walks = {key: logsumexp(each, axis=(0, 1)) for key, each in found.items()}
    together = sum(of_walks.values(), np.zeros(len(WALKS)))
    return {
        key: _posterior(curves[key], each + (together - of_walks[key]), scale)
        for key, each in found.items()
    }


def _posterior(curve: Measured, logs: Floats, scale: float) -> Posterior:
    weights = np.exp(logs - logs.max())
    most = float(curve.errors[-1])
    return Posterior(
        weights / weights.sum(), float(curve.sizes[-1]), most, WALKS * scale, curve.luck
    )


def foretold(curve: Measured, seen: NDArray[np.bool_], law: Posterior) -> Prediction:
    """The last error of a curve, as the law of what was ``seen`` of it [S] foretells it.

    Its noise goes along: much of it is that of the smaller sizes too, the images being the same.
    """
    sizes = np.concatenate([curve.sizes[seen], curve.sizes[-1:]])
    places = np.concatenate([np.flatnonzero(seen), [len(curve.sizes) - 1]])
    noise = curve.covariance[np.ix_(places, places)]
    errors = curve.errors[seen]
    bent = (sizes[None, :] / law.size) ** -POWERS[:, None] - 1
    laws = law.most * AMOUNTS[:, None, None] * bent[None, :, :]
    means = np.empty(law.weights.shape)
    deviations = np.empty(law.weights.shape)
    for place, walk in enumerate(law.walks):
        both = noise + _walk(sizes, walk)
        inverse = np.linalg.inv(both[:-1, :-1])
        total = inverse.sum()
        to_last = inverse @ both[:-1, -1]
        free = 1 - to_last.sum()  # the error e is not known: what the others do not tell of it
        spread = both[-1, -1] - both[-1, :-1] @ to_last + free**2 / total
        rest = errors - laws[:, :, :-1]
        level = rest @ inverse.sum(axis=0) / total
        means[:, :, place] = laws[:, :, -1] + level + (rest - level[..., None]) @ to_last
        deviations[:, :, place] = np.sqrt(max(spread, 1e-18))
    return Prediction(means.ravel(), deviations.ravel(), law.weights.ravel())


def likelihoods(curve: Measured, scale: float) -> Floats:
    """The log likelihood of each amount, power and walk [A, P, W]; the error e may be anything."""
    most = float(curve.errors[-1])
    laws = _laws(curve.sizes, most)
    found = np.empty((len(AMOUNTS), len(POWERS), len(WALKS)))
    ones = np.ones(len(curve.sizes))
    for place, walk in enumerate(WALKS * scale):
        covariance = curve.covariance + _walk(curve.sizes, walk)
        inverse = np.linalg.inv(covariance)
        rest = curve.errors - laws  # [A, P, S]
        level = rest @ inverse @ ones / (ones @ inverse @ ones)
        rest = rest - level[..., None]
        fit = np.einsum("aps,st,apt->ap", rest, inverse, rest)
        own = np.linalg.slogdet(covariance)[1] + np.log(ones @ inverse @ ones)
        found[:, :, place] = -(fit + own) / 2
    return found


def _laws(sizes: Floats, most: float) -> Floats:
    bent = (sizes[None, :] / sizes[-1]) ** -POWERS[:, None] - 1
    found: Floats = most * AMOUNTS[:, None, None] * bent[None, :, :]
    return found


def _walk(sizes: Floats, walk: float) -> Floats:
    along = np.log2(sizes / sizes[0])
    found: Floats = walk**2 * np.minimum(along[:, None], along[None, :])
    return found
