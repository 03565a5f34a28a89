"""How well features tell classes apart: a probe on images held out, and neighbours.

Every table of features is judged on the same images, dealt out alike, so that differences can be
taken part by part. May not import torch or click.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.appraisal.agreement import agreement
from rebalance.collection.rounds import Rounds, Sample, chosen_penalty, measure
from rebalance.errors import DataError
from rebalance.heads.scaling import MOST_COMPONENTS
from rebalance.numerics.comparison import project
from rebalance.numerics.pca import principal_components
from rebalance.numerics.products import one_blas_thread
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.quotas import allot

ASKED = 10_000  # images whose neighbours are looked at, at most

Labels = NDArray[np.int64]
Positions = NDArray[np.intp]
Pair = tuple[int, int]  # which dealing, and which of its folds was held out


@dataclass(frozen=True, eq=False)
class Judges:
    """Images that features are judged on, and how.

    labels: class index [N]. kin: images with the same number [N] stay together, and are no
    neighbours of each other. grouped: whether groups were given. folds, repeats: how many parts the
    images are dealt out to, and how often.
    """

    labels: Labels
    kin: Positions
    grouped: bool
    folds: int
    repeats: int
    seed: int

    @property
    def asked(self) -> Positions:
        """The images whose neighbours are looked at: of many, as many of each class as can be."""
        return some_of_each(self.labels, ASKED, seeds.generator(self.seed, "comparison", "asked"))


@dataclass(frozen=True, eq=False)
class Judgement:
    """What came of one table of features.

    accuracies: the balanced accuracy of a probe on each part held out. agreement: how far
    neighbours agree with labels. penalty: of the probe.
    """

    accuracies: dict[Pair, float]
    agreement: float
    penalty: float


def judge(features: FeatureMatrix, judges: Judges) -> Judgement:
    """Judge features [N, D] by a probe, cross-validated, and by the nearest neighbours.

    The probe is logistic regression on whitened components; its penalty is chosen once, and the
    class shares that it learned from are divided out where it decides. The balanced accuracy of a
    part is the mean recall of its classes, of those that could be learned from. Raises FeatureError
    for features that are not finite, DataError where no part has an image that can be judged.
    """
    inputs = principal_components(features, MOST_COMPONENTS).astype(np.float64)
    labels, classes = judges.labels, int(judges.labels.max()) + 1
    sample = Sample(inputs, labels, classes, judges.kin, judges.kin, judges.grouped)
    with one_blas_thread():
        penalty = chosen_penalty(sample, judges.folds, judges.seed)
        rounds = measure(
            sample,
            penalty,
            told=(),
            folds=judges.folds,
            repeats=judges.repeats,
            seed=judges.seed,
        )
    points = project(features, seeds.generator(judges.seed, "comparison", "space"))
    return Judgement(
        _accuracies(rounds, judges), agreement(points, labels, judges.kin, judges.asked), penalty
    )


def _accuracies(rounds: Rounds, judges: Judges) -> dict[Pair, float]:
    found: dict[Pair, float] = {}
    for number, (held, hits) in enumerate(zip(rounds.held, rounds.whole, strict=True)):
        truth = judges.labels[held]
        learned = np.unique(np.delete(judges.labels, held))
        recalls = [hits[truth == label].mean() for label in np.intersect1d(truth, learned)]
        if recalls:
            found[divmod(number, judges.folds)] = float(np.mean(recalls))
    if not found:
        raise DataError(
            "no class has images on both sides of a fold: give groups that are smaller, or other "
            "images"
        )
    return found


def some_of_each(labels: NDArray[Any], most: int, rng: np.random.Generator) -> Positions:
    """Draw at most so many positions of ``labels`` [N], rising; large classes give up images first.

    >>> import numpy as np
    >>> from rebalance.comparison.judging import some_of_each
    >>> labels = np.array([0] * 8 + [1] * 2)
    >>> np.bincount(labels[some_of_each(labels, 6, np.random.default_rng(0))]).tolist()
    [4, 2]
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    numbers, sizes = np.unique(labels, return_counts=True)
    quotas = allot(sizes.tolist(), most)
    drawn = [
        rng.choice(np.flatnonzero(labels == number), quota, replace=False)
        for number, quota in zip(numbers, quotas, strict=True)
    ]
    return np.sort(np.concatenate(drawn))
