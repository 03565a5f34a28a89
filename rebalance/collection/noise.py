"""Errors along a learning curve, and how far each may be off. May not import torch or click."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rebalance.collection.rounds import Rounds, Sample

Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """A learning curve: sizes [S], errors [S], and their covariance [S, S].

    luck: how much the error varies with which images were collected: the variance at the last size.
    """

    sizes: Floats
    errors: Floats
    covariance: Floats
    luck: float = 0.0

    def only(self, seen: NDArray[np.bool_]) -> "Measured":
        """The part of it that was ``seen`` [S]."""
        return Measured(
            self.sizes[seen], self.errors[seen], self.covariance[np.ix_(seen, seen)], self.luck
        )


def errors_of(
    rounds: Rounds, label: int, weights: Floats, sample: Sample, repeats: float
) -> Measured:
    """Return the error along the curve of a class, and its covariance.

    weights: how much each image counts [N]; they sum to 1. For balanced accuracy each class counts
    alike, for the recall of a class its images alone. repeats: how often each image was held out.

    Two things vary. Other images could have been held out: the covariance of a weighted mean over
    kin, which err together. And others could have been left out of training: a round's own part,
    beyond what its images are in other rounds, from which repeats make it known; without any it is
    taken to be as large as the first. Besides, one image may be wrong by chance: what is never
    mistaken is not known to a hair.

    ``luck`` is what rounds differ by from one model to the next, single images' part taken off.
    """
    curve = rounds.curves[label]
    many, count = len(weights), len(curve.sizes[0])
    seen, wrong = np.zeros(many), np.zeros((many, count))
    for held, hits in zip(rounds.held, curve.hits, strict=True):
        seen[held] += 1
        wrong[held] += ~hits
    told = seen > 0
    weights = np.where(told, weights, 0) / weights[told].sum()
    mean = wrong / np.maximum(seen, 1)[:, None]
    errors = weights @ mean
    images = _between_kin(weights, mean, sample)
    sizes = np.mean(curve.sizes, axis=0)
    if repeats < 2:
        return Measured(sizes, errors, 2 * images)
    parts = [
        (weights[held] / seen[held])[:, None] * (~hits - mean[held])
        for held, hits in zip(rounds.held, curve.hits, strict=True)
    ]
    own = np.stack([part.sum(axis=0) for part in parts])
    further = repeats / (repeats - 1)
    of_models = np.square(own).sum(axis=0) - sum(np.square(part).sum(axis=0) for part in parts)
    luck = len(parts) * further * float(of_models[_halves(sizes)].mean())
    return Measured(sizes, errors, images + further * own.T @ own, max(0.0, luck))


def _halves(sizes: Floats) -> NDArray[np.bool_]:
    """Mark the sizes of about half: halves of a set differ as sets do that are as large as it."""
    found: NDArray[np.bool_] = (sizes > 0.4 * sizes[-1]) & (sizes < 0.8 * sizes[-1])
    return found


def _between_kin(weights: Floats, wrong: Floats, sample: Sample) -> Floats:
    """The covariance of ``weights @ wrong``, kin erring together.

    Images of a class are drawn from one source: each differs from the mean of these.
    """
    apart = np.zeros_like(wrong)
    for label in np.unique(sample.labels[weights > 0]):
        own = (sample.labels == label) & (weights > 0)
        many, weight = own.sum(), weights[own][0]
        further = np.sqrt(many / max(1, many - 1))
        apart[own] = (wrong[own] - wrong[own].mean(axis=0)) * weight * further
    sums = np.zeros((sample.kin.max() + 1, wrong.shape[1]))
    np.add.at(sums, sample.kin, apart)
    least = weights[weights > 0].min()
    found: Floats = sums.T @ sums + least**2 * np.eye(wrong.shape[1])
    return found
