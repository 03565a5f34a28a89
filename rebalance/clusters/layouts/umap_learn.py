"""UMAP's 2-D layout by umap-learn: its graph, our start, its optimisation.

``fast`` is compared with it. The layout is the same for a seed. umap takes seconds to import and to
compile in each process, and is imported when it is needed.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.clusters.layouts.start import MIN_SAMPLES, NEIGHBORS, spectral_start

MIN_DISTANCE = 0.1


def umap_layout(components: NDArray[np.floating[Any]], seed: int) -> NDArray[np.float32]:
    """Lay out samples whose principal components are ``components`` [N, d] in the plane [N, 2].

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
