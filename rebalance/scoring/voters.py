"""Nearest neighbours: the training images that are most alike vote for their classes.

Imports numpy and nothing heavier, scikit-learn only when it decides; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rebalance.errors import FeatureError
from rebalance.metrics.arrays import as_features
from rebalance.numerics.products import one_blas_thread
from rebalance.scoring.classifier import Classifier, TrainingEmbedding, check_width
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.priors import effective_prior
from rebalance.scoring.thresholds import Decision, none


@dataclass(frozen=True, eq=False)
class Voters:
    """Training images that vote, each for its class.

    k: how many vote on an image. counts: training images of each class [K]. seen: their embedding;
    None where it is kept elsewhere.
    """

    k: int
    counts: tuple[int, ...]
    seen: TrainingEmbedding | None = None

    @property
    def outdated(self) -> bool:
        """Tell whether the images are to be brought before they can vote."""
        return self.seen is None

    @property
    def shares(self) -> list[float]:
        """The class shares [K] of the voters; MetricError for a class without any."""
        shares: list[float] = effective_prior(self.counts, [1.0] * len(self.counts)).tolist()
        return shares

    @property
    def kept_apart(self) -> TrainingEmbedding | None:
        """The voters."""
        return self.seen

    def decide(self, outputs: Outputs) -> Decision:
        """The class that most of the k nearest are of (tie: the lower class index).

        Probabilities are the shares of the votes. FeatureError for features of another number than
        the voters', and for some that are not finite.
        """
        from sklearn.neighbors import KNeighborsClassifier

        assert self.seen is not None  # as every rule that is asked to decide
        values = as_features(outputs.features)
        check_width(values.shape[1], self.seen.features.shape[1])
        search = KNeighborsClassifier(self.k, algorithm="brute")
        with one_blas_thread():
            votes = search.fit(*self.seen).predict_proba(values)
        shares = np.zeros((len(values), len(self.counts)))
        shares[:, search.classes_] = votes
        return none(shares)

    def values(self) -> dict[str, Any]:
        """For JSON, without the images."""
        return {"counts": list(self.counts)}


@dataclass(frozen=True)
class NearestNeighbours(Classifier):
    """Take the class of most of the nearest training images, in the embedding.

    Distances are Euclidean. k: how many images vote. Source: Cover & Hart, "Nearest Neighbor
    Pattern Classification", IEEE Transactions on Information Theory 1967; the search is
    scikit-learn's.

    >>> import numpy as np
    >>> from rebalance.scoring.classifier import TrainingEmbedding
    >>> from rebalance.scoring.classifiers import CLASSIFIERS
    >>> from rebalance.scoring.outputs import Outputs
    >>> seen = TrainingEmbedding(np.float32([[0], [1], [4], [5]]), np.array([0, 0, 0, 1]))
    >>> found = CLASSIFIERS["knn"](k=2).fit(seen, 2)
    >>> found.decide(Outputs(np.ones((2, 2)), np.float32([[0.4], [9.0]]))).probabilities.tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """

    k: int = 5

    knows_prior: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What a report calls it."""
        return f"{self.k} nearest neighbours"

    def fit(self, seen: TrainingEmbedding, classes: int) -> Voters:
        """Keep the images; FeatureError for fewer than k, and for features that are not finite."""
        as_features(seen.features)
        counts = np.bincount(seen.labels, minlength=classes).tolist()
        return Voters(self.k, self.stand_in(counts).counts, seen)

    def stand_in(self, counts: Sequence[int]) -> Voters:
        """Voters that are yet to be brought; FeatureError for fewer than k."""
        images = sum(counts)
        if images < self.k:
            raise FeatureError(
                f"knn:k={self.k} looks at the {self.k} nearest training images, but there are "
                f"{images}: give a k of at most {images}"
            )
        return Voters(self.k, tuple(counts))

    def read(self, values: Any, classes: int) -> Voters:
        """The voters that a record tells of, still to be brought."""
        counts = tuple(map(int, values["counts"]))
        if len(counts) != classes or min(counts) < 0 or sum(counts) < self.k:
            raise ValueError("the number of training images of each class is needed")
        return Voters(self.k, counts)
