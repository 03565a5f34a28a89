"""The classifiers there are, and how one is asked for.

A new one is a class and its line in ``CLASSIFIERS``. May not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rebalance.scoring.centres import Centres, check_counts, class_centres
from rebalance.scoring.classifier import RANGES, Classifier, TrainingEmbedding
from rebalance.scoring.local_margins import NearestClusters
from rebalance.scoring.machines import SupportVectorMachine
from rebalance.scoring.voters import NearestNeighbours
from rebalance.settings.named import read_named, spelled_named


@dataclass(frozen=True)
class OwnHead(Classifier):
    """Take the class of the largest probability that the network's own last layer gives."""

    knows_prior: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What a report calls it."""
        return "head"

    def fit(self, seen: TrainingEmbedding, classes: int) -> None:
        """There is nothing to fit."""

    def stand_in(self, counts: Sequence[int]) -> None:
        """Nothing is to be fitted."""

    def read(self, values: Any, classes: int) -> None:
        """Nothing was fitted."""


@dataclass(frozen=True)
class NearestCentre(Classifier):
    """Take the class whose mean training image is nearest, in the features of the last layer."""

    @property
    def label(self) -> str:
        """What a report calls it."""
        return "nearest centre"

    def fit(self, seen: TrainingEmbedding, classes: int) -> Centres:
        """The mean of each class, as ``class_centres`` finds it."""
        return class_centres(*seen, classes)

    def stand_in(self, counts: Sequence[int]) -> Centres:
        """Centres that stand for those to come; FeatureError for a class that can have none."""
        check_counts(counts)
        return Centres(np.empty((0, 0)), 1.0)

    def read(self, values: Any, classes: int) -> Centres:
        """The centres that a record has. Raises ValueError unless there is one for each class."""
        means = np.array(values["means"], dtype=np.float64, ndmin=2)
        if len(means) != classes or values["temperature"] <= 0:
            raise ValueError("a centre for each class and a temperature above 0 are needed")
        return Centres(means, float(values["temperature"]), values.get("layer", "pool"))


CLASSIFIERS: dict[str, type[Classifier]] = {
    "head": OwnHead,
    "centres": NearestCentre,
    "knn": NearestNeighbours,
    "svm": SupportVectorMachine,
    "clusters": NearestClusters,
}


def classifier_of(text: str) -> Classifier:
    """The classifier that a text names, with its options after a colon and commas between them.

    Raises SettingError for a classifier, an option or a value that cannot be.

    >>> from rebalance.scoring.classifiers import classifier_of
    >>> classifier_of("knn:k=7")
    NearestNeighbours(k=7)
    """
    return read_named(text, CLASSIFIERS, RANGES, "classifier")


def spelled_classifier(text: str) -> str:
    """Return a text of the same classifier, equal for equal ones: without what is a default.

    >>> from rebalance.scoring.classifiers import spelled_classifier
    >>> spelled_classifier("svm:C=1.0"), spelled_classifier("knn: k=7")
    ('svm', 'knn:k=7')
    """
    return spelled_named(text.partition(":")[0], classifier_of(text))
