"""Category centres: the class whose mean is nearest in feature space, in place of the last layer.

Imports numpy and nothing heavier, scipy only when it is needed; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import FeatureError
from rebalance.metrics.arrays import as_features, as_labels
from rebalance.records import CentresRecord
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.thresholds import Decision

LAYER = "embedding"
BLOCK = 4096  # images whose features are held in double precision at a time
TEMPERATURES = (1e-6, 1e3)  # where the likeliest is looked for, in mean squared distances


@dataclass(frozen=True, eq=False)
class Centres:
    """Category centres, as ``class_centres`` finds them.

    means: of each class in feature space [K, D]. temperature: of the softmax of ``nearest_centre``,
    in squared units of the features. layer: of the network, that the features are of.
    """

    means: NDArray[np.float64]
    temperature: float
    layer: str = LAYER

    @property
    def outdated(self) -> bool:
        """Tell whether they are of features that an early version took."""
        return self.layer != LAYER

    @property
    def shares(self) -> Sequence[float] | None:
        """None: a mean tells nothing of how many images it is of."""
        return None

    @property
    def kept_apart(self) -> None:
        """Nothing: a mean of each class is kept with the decision."""

    def decide(self, outputs: Outputs) -> Decision:
        """Take the class of the nearest centre, as ``nearest_centre`` does."""
        return nearest_centre(outputs.features, self)

    def values(self) -> CentresRecord:
        """For JSON."""
        return {
            "means": self.means.tolist(),
            "temperature": self.temperature,
            "layer": self.layer,
        }


def class_centres(features: ArrayLike, labels: ArrayLike, classes: int) -> Centres:
    """The mean of each class in feature space, from training features [N, D] and labels [N].

    The temperature maximises the likelihood of the training labels (Guo et al. 2017), with each
    image measured against its own class without itself, and the labels smoothed as if there were
    one image more per class, each of all classes alike (Platt 1999): where training separates the
    classes, the probabilities would otherwise be 0 and 1. Classes of one image have no say in it;
    where there are no others, it is the mean squared distance to the centres.

    FeatureError for features that are not finite, and for a class without images.

    >>> from rebalance.scoring import class_centres
    >>> features = [[0.0, 0.0], [0.0, 2.0], [6.0, 1.0], [8.0, 1.0]]
    >>> class_centres(features, [0, 0, 1, 1], 2).means.tolist()
    [[0.0, 1.0], [7.0, 1.0]]
    """
    values = as_features(features)
    numbers = as_labels(labels, len(values), classes)
    counts = np.bincount(numbers, minlength=classes)
    check_counts(counts)
    means = np.stack(
        [values[numbers == label].mean(axis=0, dtype=np.float64) for label in range(classes)]
    )
    return Centres(means, _fit_temperature(_squared_distances(values, means), numbers, counts))


def check_counts(counts: ArrayLike) -> None:
    """Raise FeatureError unless each class, of so many training images [K], can have a centre."""
    sizes = np.asarray(counts)
    if not sizes.all():
        raise FeatureError(
            "a centre needs at least one training image, but there is none", int(np.argmin(sizes))
        )


def nearest_centre(features: ArrayLike, centres: Centres) -> Decision:
    """The class whose centre is nearest by Euclidean distance (tie: the lower class index).

    features: [N, D]. The probabilities are softmax(−distance² / temperature), as Mensink et al.
    2013; they know no prior: their training prior is uniform. FeatureError for features of another
    number, and for some that are not finite.

    >>> from rebalance.scoring import class_centres, nearest_centre
    >>> centres = class_centres([[0.0, 0.0], [0.0, 2.0], [6.0, 1.0], [8.0, 1.0]], [0, 0, 1, 1], 2)
    >>> nearest_centre([[1.0, 1.0], [5.0, 1.0]], centres).predicted.tolist()
    [0, 1]
    """
    values = as_features(features)
    width = centres.means.shape[1]
    if values.shape[1] != width:
        raise FeatureError(
            f"the centres are of {width} features, but the images have {values.shape[1]}: extract "
            "them with the network and layer of the centres"
        )
    distances = _squared_distances(values, centres.means)
    nearness = np.exp((distances.min(axis=1, keepdims=True) - distances) / centres.temperature)
    return Decision(nearness / nearness.sum(axis=1, keepdims=True), distances.argmin(axis=1))


def _squared_distances(features: NDArray[Any], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each image to each centre [N, K]."""
    from scipy.spatial.distance import cdist

    distances = np.empty((len(features), len(means)))
    for start in range(0, len(features), BLOCK):
        block = slice(start, start + BLOCK)
        # Difference by difference: equal distances come out equal, unlike by products.
        distances[block] = cdist(features[block], means, "sqeuclidean")
    return distances


def _fit_temperature(
    distances: NDArray[np.float64], labels: NDArray[np.intp], counts: NDArray[np.intp]
) -> float:
    """The temperature of the highest likelihood, from squared distances [N, K] of training images.

    There is one peak: the likelihood is log-concave in 1 / temperature.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    scale = float(distances.mean()) or 1.0  # zero: one spot, where every temperature is as good
    sizes = counts[labels]
    rows = np.flatnonzero(sizes > 1)
    if not len(rows):
        return scale
    images, classes = len(rows), distances.shape[1]
    own = np.arange(images), labels[rows]
    relative = distances[rows] / scale
    # A mean without the image itself lies farther from it by just this factor.
    relative[own] *= (sizes[rows] / (sizes[rows] - 1)) ** 2
    expected = (images * relative[own] + classes * relative.mean(axis=1)) / (images + classes)

    def surprise(log_temperature: float) -> float:
        coldness = np.exp(-log_temperature)
        return float((logsumexp(-coldness * relative, axis=1) + coldness * expected).mean())

    lowest, highest = np.log(TEMPERATURES)
    found = minimize_scalar(surprise, bounds=(lowest, highest), method="bounded")
    return scale * float(np.exp(found.x))
