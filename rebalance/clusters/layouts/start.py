"""Where a layout starts: the spectrum of its graph, the same for a seed.

umap-learn's own spectral start asks ARPACK, which draws random numbers that no seed reaches where
the graph is symmetric (as duplicated images make it), and which cannot solve for the smallest
classes. Imports numpy and nothing heavier.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters.eigenvectors import leading_eigenvectors

MIN_SAMPLES = 4
NEIGHBORS = 15  # the sample itself among them
WIDTH = 8  # vectors iterated for the two that the spectral start needs


def spectral_start(graph: Any, seed: int) -> NDArray[np.float32]:
    """The two leading non-trivial eigenvectors of the normalised graph, scaled to [-10, 10].

    A little noise parts samples that stand on the same spot, as duplicates do.
    """
    samples = graph.shape[0]
    root = np.sqrt(np.asarray(graph.sum(axis=1), dtype=np.float64).reshape(-1, 1))
    trivial = root / np.linalg.norm(root)

    def multiply(block: NDArray[np.float64]) -> NDArray[np.float64]:
        # Half of the identity and half of the graph: eigenvalues from -1 to 1 become 0 to 1.
        spread: NDArray[np.float64] = (graph @ (block / root) / root + block) / 2
        spread -= trivial * (trivial.T @ block)
        return spread

    rng = seeds.generator(seed, "spectral start")
    start = rng.standard_normal((samples, WIDTH if samples >= 2 * WIDTH else samples))
    vectors = leading_eigenvectors(multiply, start, 2, depth=12, tolerance=1e-4)[1]
    scaled = vectors * (10 / np.abs(vectors).max())
    return np.asarray(scaled + rng.normal(scale=1e-4, size=scaled.shape), dtype=np.float32)
