"""How far probabilities are to be believed: images by how sure they are decided, and how rightly.

Imports numpy and nothing heavier; may not import torch or click.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalance.metrics.predictions import Predictions

BINS = 15  # of equal width, as in Guo et al. 2017
DECIMALS = 9  # a sum that rounds otherwise must not move an image over the edge of a bin

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """The images of a test set in bins of equal width by their largest probability.

    weight: the share of the images in each bin [BINS], which add up to one. confidence, accuracy:
    the mean largest probability of a bin, and the share of its images whose class had it; NaN for a
    bin without images. A bin has its upper edge and not its lower one.
    """

    weight: Floats
    confidence: Floats
    accuracy: Floats

    @classmethod
    def of(cls, predictions: Predictions, *, balanced: bool = False) -> "Reliability":
        """Count the images of each bin; balanced: each as one over the images of its class."""
        top = predictions.distributions.max(axis=1)
        places = np.ceil(np.round(top * BINS, DECIMALS)).astype(np.intp) - 1
        images = np.ones(len(top))
        if balanced:
            images /= predictions.support[predictions.labels]
        images /= images.sum()
        hits = _top_classes(predictions) == predictions.labels
        weight, sure, right = (
            np.bincount(places, images * each, minlength=BINS).astype(np.float64)
            for each in (np.ones(len(top)), top, hits)
        )
        means = (np.full(BINS, np.nan) for _ in range(2))
        confidence, accuracy = (
            np.divide(sums, weight, out=out, where=weight > 0)
            for sums, out in zip((sure, right), means, strict=True)
        )
        return cls(weight, confidence, accuracy)

    @property
    def error(self) -> float:
        """The expected calibration error: Σ weight · |accuracy − confidence|, from 0 to 1."""
        used = self.weight > 0
        gaps = np.abs(self.accuracy[used] - self.confidence[used])
        return float(self.weight[used] @ gaps)


def _top_classes(predictions: Predictions) -> NDArray[np.intp]:
    """The class of the largest probability [N]; of several, the one decided on where it is one.

    What is decided by other means, such as costs, says nothing of the probabilities.
    """
    values, decided = predictions.probabilities, predictions.predicted
    of_decided = values[np.arange(len(values)), decided]
    return np.where(of_decided == values.max(axis=1), decided, values.argmax(axis=1))
