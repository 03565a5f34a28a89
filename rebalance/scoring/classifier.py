"""What a classifier is: a choice with options, fitted on the embedding of training images.

Imports numpy and nothing heavier; may not import torch or click.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.thresholds import Decision
from rebalance.settings.numbers import Range, check_number

RANGES = {
    "k": Range(least=1),
    "size": Range(least=1),
    "C": Range(above=0),
}


class TrainingEmbedding(NamedTuple):
    """Training images as a network embeds them: features [N, D], and their class index [N]."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]


class FittedClassifier(Protocol):
    """What a classifier has come to on training images."""

    @property
    def outdated(self) -> bool:
        """Tell whether it is to be fitted anew, on the features of today, before it decides."""

    @property
    def shares(self) -> Sequence[float] | None:
        """The class shares [K] that its probabilities follow; None where they follow none.

        MetricError for a class without any.
        """

    @property
    def kept_apart(self) -> TrainingEmbedding | None:
        """The training images that it decides by, which a run keeps in a file of their own."""

    def decide(self, outputs: Outputs) -> Decision:
        """Probabilities [N, K] and the class index decided on [N]."""

    def values(self) -> Mapping[str, object]:
        """What it was fitted to, for JSON, but for what is kept apart."""


@dataclass(frozen=True)
class Classifier(ABC):
    """What says how likely each class is, whose options are its fields.

    knows_prior: its probabilities follow how often there was an image of each class.
    """

    knows_prior: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for each in fields(self):
            what = f"the option {each.name} of a classifier must be"
            check_number(what, getattr(self, each.name), type(each.default), RANGES[each.name])

    @property
    @abstractmethod
    def label(self) -> str:
        """What a report calls it."""

    @abstractmethod
    def fit(self, seen: TrainingEmbedding, classes: int) -> FittedClassifier | None:
        """Fit it on training images; None where it is the network's own head.

        FeatureError for a class that cannot do without images and has none.
        """

    @abstractmethod
    def stand_in(self, counts: Sequence[int]) -> FittedClassifier | None:
        """What stands for it before it is fitted on so many images of each class [K].

        FeatureError for what ``fit`` would refuse.
        """

    @abstractmethod
    def read(self, values: Any, classes: int) -> FittedClassifier | None:
        """What ``FittedClassifier.values`` told.

        Raises LookupError, TypeError or ValueError for anything else.
        """


def check_width(found: int, fitted: int) -> None:
    """Raise FeatureError unless images have as many features as what is to decide on them."""
    if found != fitted:
        raise FeatureError(
            f"the classifier was fitted on {fitted} features, but the images have {found}: extract "
            "them with the network and layer that it was fitted on"
        )
