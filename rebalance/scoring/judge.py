"""What training asks of validation images after every epoch. May not import torch or click."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import ScoringSet
from rebalance.metrics import as_predictions
from rebalance.metrics.scores import accuracy, balanced_accuracy, class_f1

if TYPE_CHECKING:
    from rebalance.models.network import Network


@dataclass
class Judge:
    """What training asks after every epoch: F1 of every class on the validation images.

    said: the probabilities [N, K] that a network gives them. balanced_accuracy, accuracy: of the
    network that was judged last, None before the first.
    """

    validation: ScoringSet
    said: "Callable[[Network], NDArray[Any]]"
    balanced_accuracy: float | None = None
    accuracy: float | None = None

    def __call__(self, network: "Network") -> list[float]:
        """0 for a class that is not there nor predicted."""
        folder = self.validation.folder
        found = as_predictions(folder.labels, self.said(network), folder.classes)
        self.balanced_accuracy, self.accuracy = balanced_accuracy(found), accuracy(found)
        return [float(value) for value in np.nan_to_num(class_f1(found))]
