"""The start of a layout: the spectrum of its graph, the same for a seed.

umap-learn's own spectral start asks ARPACK, which draws random numbers that no seed reaches where
the graph is symmetric (as duplicated images make it), and which cannot solve for the smallest
classes. Imports numpy and nothing heavier.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.numerics.eigenvectors import leading_eigenvectors
from rebalance.numerics.products import Threads, slices, threads

MIN_SAMPLES = 4
NEIGHBORS = 15  # the sample itself among them
WIDTH = 8  # vectors iterated for the two that the spectral start needs
DEPTH = 8
RUN = 4096  # samples whose edges are followed at a time


def spectral_start(graph: Any, seed: int) -> NDArray[np.float32]:
    """Compute the two leading non-trivial eigenvectors of the graph, scaled to [-10, 10].

    A little noise parts samples that stand on the same spot, as duplicates do. Float32 is exact
    enough for where a descent begins.
    """
    samples = graph.shape[0]
    rng = seeds.generator(seed, "spectral start")
    start = rng.standard_normal((samples, WIDTH if samples >= 2 * WIDTH else samples))
    with threads() as team:
        walk = _Walk(graph, team)
        single = start.astype(np.float32)
        vectors = leading_eigenvectors(walk.step, single, 2, depth=DEPTH, tolerance=1e-4)[1]
    scaled = vectors * (10 / np.abs(vectors).max())
    return np.asarray(scaled + rng.normal(scale=1e-4, size=scaled.shape), dtype=np.float32)


class _Walk:
    """The normalised graph as a lazy random walk, without its trivial eigenvector.

    It is half of the identity and half of the normalised graph.
    """

    def __init__(self, graph: Any, team: Threads) -> None:
        degrees = np.asarray(graph.sum(axis=1), dtype=np.float64).reshape(-1, 1)
        self._team = team
        self._root = np.sqrt(degrees).astype(np.float32)
        self._trivial = np.sqrt(degrees / degrees.sum()).astype(np.float32)
        single = graph.astype(np.float32)
        self._strips = [(rows, single[rows]) for rows in slices(len(degrees), RUN)]

    def step(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Multiply the walk with a block [N, k]: eigenvalues from -1 to 1 become 0 to 1."""
        spread, divided = np.empty_like(block), block / self._root
        apart = self._team.inner(self._trivial, block).astype(np.float32)

        def follow(strip: tuple[slice, Any]) -> None:
            rows, edges = strip
            reached = edges @ divided / self._root[rows]
            spread[rows] = (reached + block[rows]) / 2 - self._trivial[rows] * apart

        self._team.each(follow, self._strips)
        return spread
