"""The fuzzy graph of UMAP: which samples are neighbours, and how surely (McInnes et al. 2018, §3).

Imports numpy; scipy is imported when it is needed. May not import torch or click.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from rebalance.neighbours import Neighbours

Float64s = NDArray[np.float64]

HALVINGS = 64
CLOSE_ENOUGH = 1e-5  # of the summed memberships to log2 of the neighbours
LEAST_SCALE = 1e-3  # of the mean distance


def fuzzy_graph(found: "Neighbours") -> "csr_matrix":
    """Compute how surely samples are in each other's neighbourhoods: [N, N], from 0 to 1.

    The matrix is symmetric. found: the nearest neighbours [N, K] of each of the N samples, not
    themselves. Each belongs to the neighbourhood of a sample by exp(-(d - rho) / sigma): rho is the
    distance to the nearest that does not coincide, sigma such that the memberships, with the
    sample's own, sum to log2(K + 1). In both directions joined by a + b - ab, as umap-learn's
    ``fuzzy_simplicial_set``.
    """
    from scipy.sparse import csr_matrix

    samples, count = found.indices.shape
    memberships = np.exp(-_beyond(found.distances) / _scales(found.distances)[:, None])
    ends = np.arange(0, samples * count + 1, count)
    directed = csr_matrix(
        (memberships.ravel(), found.indices.ravel(), ends), shape=(samples, samples)
    )
    other = directed.T.tocsr()
    both = directed + other - directed.multiply(other)
    graph: Any = both.tocsr()
    graph.sort_indices()
    return graph


def _beyond(distances: Float64s) -> Float64s:
    """Return how much farther each neighbour is than the nearest that does not coincide [N, K]."""
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1, keepdims=True)
    beyond: Float64s = np.maximum(distances - np.where(np.isfinite(nearest), nearest, 0), 0)
    return beyond


def _scales(distances: Float64s) -> Float64s:
    """Find sigma [N] by halving an interval, for all samples at once."""
    beyond, target = _beyond(distances), np.log2(distances.shape[1] + 1)
    low, high = np.zeros(len(beyond)), np.full(len(beyond), np.inf)
    scales = np.ones(len(beyond))
    open_ = np.arange(len(beyond))
    for _ in range(HALVINGS):
        sums = np.exp(-beyond[open_] / scales[open_, None]).sum(axis=1)
        far = np.abs(sums - target) >= CLOSE_ENOUGH
        open_, sums = open_[far], sums[far]
        if not len(open_):
            break
        above = sums > target
        high[open_[above]] = scales[open_[above]]
        low[open_[~above]] = scales[open_[~above]]
        middle = (low[open_] + high[open_]) / 2
        scales[open_] = np.where(np.isfinite(middle), middle, 2 * scales[open_])
    # umap-learn's means are over the neighbours and the sample itself, at distance 0.
    means = distances.sum(axis=1) / (distances.shape[1] + 1)
    least = np.where((distances > 0).any(axis=1), means, means.mean())
    floored: Float64s = np.maximum(
        scales, np.maximum(LEAST_SCALE * least, np.finfo(np.float64).tiny)
    )
    return floored
