"""The warm-up of compiled loops: they are loaded while something else takes the time.

The first run after an installation compiles them, which takes some seconds; any other loads them,
which takes most of one. Imports numpy and nothing heavier until it is asked to.
"""

import numpy as np

FEW = 64  # points on which a loop is compiled or loaded, as on any number


def load_loops(images: int) -> None:
    """Compile or load every loop that clustering a class of so many images on its map runs."""
    from rebalance.clusters import k_means, silhouette
    from rebalance.clusters.layouts import fast_layout
    from rebalance.neighbours import nearest, tiles

    rng = np.random.default_rng(0)
    places = fast_layout(rng.standard_normal((FEW, 4)).astype(np.float32), 0).astype(np.float64)
    if images >= k_means.COMPILED:
        k_means.k_means(places, 2, 0)
    if images >= silhouette.COMPILED:
        many = rng.standard_normal((silhouette.COMPILED, 2)).astype(np.float32)
        silhouette.silhouettes(many, [np.arange(len(many)) % 2])
    if images >= tiles.COMPILED:
        nearest(rng.standard_normal((tiles.COMPILED, 2)).astype(np.float32), 2)
