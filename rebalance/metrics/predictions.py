"""The predictions for a test set, checked once, and the counts that metrics share.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import MetricError
from rebalance.metrics.arrays import as_labels, as_probabilities
from rebalance.metrics.ranking import Ranking


@dataclass(frozen=True, eq=False)
class Predictions:
    """The true classes of a test set's images, and what was predicted. See ``as_predictions``.

    labels: the true class index [N]. probabilities: [N, K], as they were given. predicted: the
    class index [N] that was decided on. classes: the K names.
    """

    labels: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    predicted: NDArray[np.intp]
    classes: tuple[str, ...]

    @cached_property
    def confusion(self) -> NDArray[np.intp]:
        """The images of each true class (row) that were given each class (column): [K, K]."""
        classes = len(self.classes)
        cells = self.labels * classes + self.predicted
        return np.bincount(cells, minlength=classes**2).reshape(classes, classes)

    @cached_property
    def support(self) -> NDArray[np.intp]:
        """The number of test images of each class [K]."""
        return np.bincount(self.labels, minlength=len(self.classes))

    @cached_property
    def present(self) -> NDArray[np.intp]:
        """The classes that have test images, rising; every mean over classes is over these."""
        return np.flatnonzero(self.support)

    @cached_property
    def recalls(self) -> NDArray[np.float64]:
        """The share of each present class that was found, aligned with ``present``."""
        return self.confusion.diagonal()[self.present] / self.support[self.present]

    @cached_property
    def roc_aucs(self) -> NDArray[np.float64]:
        """The area under the ROC curve of each present class, aligned with ``present``.

        Each class is ranked against the rest; NaN where there is no image of others.
        """
        return self._areas[:, 0]

    @cached_property
    def average_precisions(self) -> NDArray[np.float64]:
        """The average precision of each present class, aligned with ``present``."""
        return self._areas[:, 1]

    @cached_property
    def _areas(self) -> NDArray[np.float64]:
        rankings = (self.ranking(label) for label in self.present.tolist())
        return np.array([(each.roc_auc, each.average_precision) for each in rankings])

    def ranking(self, label: int) -> Ranking:
        """Rank all images by the probability of one class, as it was given."""
        return Ranking.of(self.probabilities[:, label], self.labels == label)

    @cached_property
    def distributions(self) -> NDArray[np.float64]:
        """The probabilities with every row divided by its sum [N, K]."""
        sums: NDArray[np.float64] = self.probabilities.sum(axis=1, keepdims=True)
        return self.probabilities / sums


def as_predictions(
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    predicted: ArrayLike | None = None,
) -> Predictions:
    """Check what was predicted for a test set.

    labels: the true class index [N]. probabilities: [N, K], finite and not negative; rows need not
    add up to one. classes: the K names in the training set's order; not all need test images.
    predicted: the class index [N] decided on, where a threshold or a classifier decides otherwise
    than by the largest probability (tie: the lower index), which None stands for.

    MetricError for a shape, a label or a probability that cannot be, with its row.

    >>> from rebalance.metrics import METRICS, as_predictions
    >>> found = as_predictions([0, 1, 1], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]], ["cat", "dog"])
    >>> found.predicted.tolist(), METRICS["balanced_accuracy"](found)
    ([0, 0, 1], 0.75)
    """
    values = as_probabilities(probabilities)
    images, columns = values.shape
    if columns != len(classes):
        raise MetricError(
            f"a column of probabilities per class is needed, but there are {columns} for "
            f"{len(classes)} classes: score with the classes the network was trained on"
        )
    decided = values.argmax(axis=1) if predicted is None else predicted
    return Predictions(
        labels=as_labels(labels, images, columns),
        probabilities=values,
        predicted=as_labels(decided, images, columns),
        classes=tuple(classes),
    )
