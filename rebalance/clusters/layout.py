"""A 2-D layout of the samples by UMAP (McInnes, Healy & Melville 2018), the same for a seed.

The graph and the optimisation are umap-learn's. The start is ours, since umap-learn's spectral
start asks ARPACK, which draws random numbers that no seed reaches wherever the graph is symmetric
(as duplicated images make it), and which cannot solve for the smallest classes. May not import
torch or click; umap, which takes seconds to import, is imported when it is needed.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters.eigenvectors import leading_eigenvectors

MIN_SAMPLES = 4
NEIGHBORS = 15
MIN_DISTANCE = 0.1
WIDTH = 8  # vectors iterated for the two that the spectral start needs


def umap_layout(components: NDArray[np.floating[Any]], seed: int) -> NDArray[np.float32]:
    """The positions [N, 2] of samples whose principal components are ``components`` [N, d].

    umap-learn's defaults: 15 neighbours (N - 1 where there are fewer), minimum distance 0.1,
    a spectral start. ValueError below 4 samples.
    """
    if len(components) < MIN_SAMPLES:
        raise ValueError(f"a layout needs {MIN_SAMPLES} samples, but there are {len(components)}")
    import umap
    from umap.umap_ import find_ab_params, simplicial_set_embedding

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about jobs, and about graphs that are not connected
        model = umap.UMAP(
            n_neighbors=min(NEIGHBORS, len(components) - 1),
            transform_mode="graph",
            random_state=seed,
            n_jobs=1,
        )
        graph = model.fit(components).graph_
        a, b = find_ab_params(spread=1.0, min_dist=MIN_DISTANCE)
        positions, _ = simplicial_set_embedding(
            data=components,
            graph=graph,
            n_components=2,
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=None,
            init=spectral_start(graph, seed),
            random_state=np.random.RandomState(seed),
            metric="euclidean",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
        )
    return np.asarray(positions, dtype=np.float32)


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
