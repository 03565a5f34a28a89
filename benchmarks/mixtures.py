"""Generated features that look like a network's: what benchmarks measure on where any will do."""

import numpy as np
from numpy.typing import NDArray

CLUSTERS, RANK, NOISE, BLOCK = 7, 120, 0.25, 5000


class Mixture:
    """Gaussians of unequal weights, falling spectrum and low rank, with noise, cut at 0.

    columns: of the features. What is drawn from it depends on the seed and on what was before.
    """

    def __init__(self, columns: int, seed: int) -> None:
        self._rng = rng = np.random.default_rng(seed)
        self._basis = rng.standard_normal((RANK, columns)).astype(np.float32) / np.sqrt(columns)
        self._spread = 30 * np.arange(1, RANK + 1, dtype=np.float32) ** -0.7
        self._centres = (
            0.9 * self._spread * rng.standard_normal((CLUSTERS, RANK)).astype(np.float32)
        )
        self._shares = rng.dirichlet(np.full(CLUSTERS, 3.0))

    def clusters(self, samples: int) -> NDArray[np.int64]:
        """The cluster [N] of each of so many samples."""
        return self._rng.choice(CLUSTERS, samples, p=self._shares)

    def features(self, clusters: NDArray[np.int64]) -> NDArray[np.float32]:
        """A sample [N, columns] of each of the clusters [N]."""
        within = self._rng.standard_normal((len(clusters), RANK), dtype=np.float32) * self._spread
        block = (self._centres[clusters] + within) @ self._basis
        block += NOISE * self._rng.standard_normal(block.shape, dtype=np.float32) + 0.4
        return np.maximum(block, 0, out=block)


def clustered_samples(
    samples: int, columns: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features [N, columns] of a mixture, and the cluster [N] of each."""
    mixture = Mixture(columns, seed)
    clusters = mixture.clusters(samples)
    features = np.empty((samples, columns), np.float32)
    for start in range(0, samples, BLOCK):
        rows = slice(start, start + BLOCK)
        features[rows] = mixture.features(clusters[rows])
    return features, clusters


def clustered_features(samples: int, columns: int, seed: int) -> NDArray[np.float32]:
    """The features of ``clustered_samples`` alone."""
    return clustered_samples(samples, columns, seed)[0]
