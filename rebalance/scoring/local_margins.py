"""Nearest clusters: classes compared by the centres of their clusters around an image.

Imports numpy and nothing heavier, scipy only when it is needed; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.clusters.within_classes import cluster_classes
from rebalance.errors import FeatureError
from rebalance.metrics.arrays import as_features
from rebalance.scoring.classifier import Classifier, TrainingEmbedding, check_width
from rebalance.scoring.margins import Floats, decision_by, fit_margins_temperature
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.thresholds import Decision

BLOCK = 4096  # images whose distances are held at a time


@dataclass(frozen=True, eq=False)
class ClusterCentres:
    """The centres of clusters within classes.

    k: how many of the nearest are looked at. centres: [M, D] float32, of features of length 1.
    owners: the class [M] of each, rising. temperature: what margins are divided by before a
    softmax.
    """

    k: int
    centres: NDArray[np.float32]
    owners: NDArray[np.int64]
    temperature: float = 1.0

    outdated = False
    shares: Sequence[float] | None = None
    kept_apart: TrainingEmbedding | None = None

    def margins(self, features: NDArray[Any]) -> Floats:
        """The local margin of each class [N, K]: squared distance of others less that of its own.

        Own is the farthest of the class's centres among the k nearest, or where there is none its
        nearest; the other is the nearest of all other classes.
        """
        from scipy.spatial.distance import cdist

        centres, classes = self.centres.astype(np.float64), int(self.owners[-1]) + 1
        own = self.owners[None] == np.arange(classes)[:, None]  # [K, M]
        margins = np.empty((len(features), classes))
        for start in range(0, len(features), BLOCK):
            block = slice(start, start + BLOCK)
            # Difference by difference: equal distances come out equal, unlike by products.
            away = cdist(_normalised(features[block]), centres, "sqeuclidean")
            order = np.argsort(away, axis=1, kind="stable")[:, : self.k]
            near = np.zeros(away.shape, bool)
            np.put_along_axis(near, order, values=True, axis=1)
            for label in range(classes):
                mine = away[:, own[label]]
                looked = near[:, own[label]]
                farthest = np.where(looked, mine, -np.inf).max(axis=1)
                farthest = np.where(looked.any(axis=1), farthest, mine.min(axis=1))
                margins[block, label] = away[:, ~own[label]].min(axis=1) - farthest
        return margins

    def decide(self, outputs: Outputs) -> Decision:
        """The class of the largest local margin (tie: the lower class index).

        Probabilities are softmax(margins / temperature). FeatureError for features of another
        number, and for some that are not finite.
        """
        values = as_features(outputs.features)
        check_width(values.shape[1], self.centres.shape[1])
        return decision_by(self.margins(values), self.temperature)

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "centres": [[float(str(value)) for value in row] for row in self.centres],
            "owners": self.owners.tolist(),
            "temperature": self.temperature,
        }


@dataclass(frozen=True)
class NearestClusters(Classifier):
    """Take the class of the largest margin among the nearest cluster centres of all classes.

    The centres are of k-means within each class, on the embedding brought to length 1. A class's
    margin is the squared distance of the nearest centre of others, less that of its own farthest
    among the k nearest; one that has none among them takes its nearest, and never comes before one
    that has. k: how many centres are looked at. size: about how many images a cluster has; no class
    has more than 20 clusters. Source: Huang et al., "Learning Deep Representation for Imbalanced
    Classification", CVPR 2016, eq. 3; probabilities, as a softmax of the margins over a temperature
    fitted on images held out in three folds, are ours.

    >>> import numpy as np
    >>> from rebalance.scoring.classifier import TrainingEmbedding
    >>> from rebalance.scoring.classifiers import CLASSIFIERS
    >>> from rebalance.scoring.outputs import Outputs
    >>> features = np.float32([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [-1, 0], [-1, 0.1]])
    >>> seen = TrainingEmbedding(features, np.array([0, 0, 0, 0, 1, 1]))
    >>> found = CLASSIFIERS["clusters"](k=2, size=2).fit(seen, 2)
    >>> found.owners.tolist()
    [0, 0, 1]
    >>> found.decide(Outputs(np.ones((2, 2)), np.float32([[3, 4], [-7, 1]]))).predicted.tolist()
    [0, 1]
    """

    k: int = 5
    size: int = 20

    @property
    def label(self) -> str:
        """What a report calls it."""
        return f"{self.k} nearest clusters"

    def fit(self, seen: TrainingEmbedding, classes: int) -> ClusterCentres:
        """Cluster the images of each class, and fit the temperature of the margins."""
        features = as_features(seen.features)
        self.stand_in(np.bincount(seen.labels, minlength=classes).tolist())
        temperature = fit_margins_temperature(
            features, seen.labels, lambda values, labels: self._fitted(values, labels).margins
        )
        return self._fitted(features, seen.labels, temperature)

    def stand_in(self, counts: Sequence[int]) -> ClusterCentres:
        """Centres that are yet to be found; FeatureError for a class without images."""
        if not all(counts):
            raise FeatureError(
                "a cluster needs at least one training image, but there is none",
                int(np.argmin(counts)),
            )
        if len(counts) < 2:
            raise FeatureError("margins between clusters need two classes, but there is one")
        return ClusterCentres(self.k, np.empty((0, 0), np.float32), np.empty(0, np.int64))

    def read(self, values: Any, classes: int) -> ClusterCentres:
        """The centres that a record has; ValueError where a class of so many has none."""
        centres = np.array(values["centres"], dtype=np.float32)
        owners = np.array(values["owners"], dtype=np.int64)
        temperature = float(values["temperature"])
        if centres.ndim != 2 or owners.shape != (len(centres),) or (np.diff(owners) < 0).any():
            raise ValueError("centres and the class of each, in order, are needed")
        if np.unique(owners).tolist() != list(range(classes)):
            raise ValueError("a centre for each class is needed")
        if not np.isfinite(centres).all() or temperature <= 0:
            raise ValueError("finite centres and a temperature above 0 are needed")
        return ClusterCentres(self.k, centres, owners, temperature)

    def _fitted(
        self, features: NDArray[Any], labels: NDArray[np.int64], temperature: float = 1.0
    ) -> ClusterCentres:
        found = cluster_classes(_normalised(features), labels, self.size)
        centres = found.centres.astype(np.float32)
        return ClusterCentres(self.k, centres, found.owners, temperature)


def _normalised(features: NDArray[Any]) -> Floats:
    """Features of length 1; what has none stays where it is."""
    values = np.asarray(features, np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    found: Floats = values / np.where(length > 0, length, 1.0)
    return found
