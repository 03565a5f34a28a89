"""The images of one class as the candidates see them: what several need is computed once."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rebalance
from rebalance.clusters import Subclasses, find_subclasses
from rebalance.numerics.comparison import Points, embed, unit_rows
from rebalance.numerics.pca import InMemory, principal_components

Features = NDArray[np.floating[Any]]
Positions = NDArray[np.intp]
SMALLEST_CLUSTER = 5  # of HDBSCAN, its own default


@dataclass(frozen=True)
class Sample:
    """The ``features`` [N, D] of a class; ``seed`` is that of the paper's clustering.

    truth: the subclass [N] of each image, for those candidates that know it; None in the probe.
    """

    features: Features
    seed: int
    truth: Positions | None = None

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def components(self) -> Points:
        """Standardised, 50 principal components: what the paper's map is drawn of."""
        return principal_components(InMemory(self.features))

    @cached_property
    def points(self) -> Points:
        """Rows of unit length before the 50 components: the space of ``coverage``."""
        return embed(self.features)

    @cached_property
    def rows(self) -> Points:
        """Rows of unit length, all their columns."""
        return unit_rows(self.features)

    @cached_property
    def subclasses(self) -> Subclasses:
        """As ``rebalance undersample`` finds them."""
        return find_subclasses(InMemory(self.features), self.seed)

    @cached_property
    def dense(self) -> Positions:
        """HDBSCAN's clusters of ``points`` (Campello 2013), its noise being one more."""
        from sklearn.cluster import HDBSCAN

        found = HDBSCAN(min_cluster_size=SMALLEST_CLUSTER, copy=True).fit(self.points)
        clusters: Positions = found.labels_.astype(np.intp)
        return clusters

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """Between all ``points``, N x N: for small classes."""
        from scipy.spatial.distance import cdist

        gaps: NDArray[np.float64] = cdist(self.points, self.points)
        return gaps

    @cached_property
    def modes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eigenvalues, above 0, and eigenvectors of the covariance that ``coverage`` works with."""
        apart = self.distances[np.triu_indices(len(self), 1)]
        values, vectors = np.linalg.eigh(np.exp(-self.distances / np.median(apart)))
        return np.maximum(values, 1e-12), vectors


def extracted(data: Path, options: dict[str, Any]) -> tuple[Features, Positions, Any]:
    """Pooled features, labels and the folder."""
    found = rebalance.extract(data, layers=["pool"], **options)
    features = found.layers["pool"].read(slice(None), slice(None)).astype(np.float32)
    return features, np.asarray(found.folder.labels), found.folder
