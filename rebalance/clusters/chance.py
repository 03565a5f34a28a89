"""The best silhouette that points without any clusters reach by chance.

Without clusters means one Gaussian of the same variances, as in SigClust (Liu, Hayes, Nobel &
Marron 2008, Statistical significance of clustering for high-dimension, low-sample size data). May
not import torch or click.
"""

from collections.abc import Iterable

import numpy as np

from rebalance import seeds
from rebalance.clusters.k_means import Floats, k_means
from rebalance.clusters.silhouette import silhouettes
from rebalance.numerics.products import one_blas_thread

REFERENCES = 19  # the largest of them is exceeded by one of twenty alike
LARGEST_REFERENCE = 500
# The 95 % quantile of the best silhouettes on maps of 300 Gaussians, see docs/subclasses.md.
INTERCEPT, OF_NARROWNESS, OF_SAMPLES = 0.49, 0.31, -0.04
MEASURED_SAMPLES = (50, 1000)


def chance_on_map(components: Floats) -> float:
    """Estimate the silhouette that one in twenty structureless classes exceeds on its map.

    UMAP draws groups even where there are none, the clearer the fewer directions [N, d] the
    components spread in. Making a map of structureless points for each class would double the
    work, so this is a formula, fitted to maps of Gaussians:
    0.49 + 0.31 / sqrt(D) - 0.04 log10(n), D = (sum of variances)^2 / (sum of their squares) being
    the number of directions, n = N but from 50 to 1000. How many k are tried hardly matters, since
    the best is nearly always among the smallest. Below 50 samples it is higher than it need be.
    """
    variances = np.square(components.astype(np.float64)).mean(axis=0)
    directions = variances.sum() ** 2 / np.square(variances).sum()
    samples = np.clip(len(components), *MEASURED_SAMPLES)
    return float(INTERCEPT + OF_NARROWNESS / np.sqrt(directions) + OF_SAMPLES * np.log10(samples))


def chance_in_components(components: Floats, ks: Iterable[int], seed: int) -> float:
    """Find the best silhouette of any of ``ks`` in 19 structureless sets like the components.

    Each is min(N, 500) points of one Gaussian with their variances [d], clustered by k-means from
    one start; a structureless class exceeds the best of 19 one time in twenty (Hope 1968, A
    simplified Monte Carlo significance test procedure).
    """
    deviations = np.sqrt(np.square(components.astype(np.float64)).mean(axis=0))
    size = min(len(components), LARGEST_REFERENCE)
    tried = [k for k in ks if k < size]
    best = -1.0
    for turn in range(REFERENCES):
        rng = seeds.generator(seed, "chance", turn)
        drawn = rng.standard_normal((size, len(deviations))) * deviations
        fits = [k_means(drawn, k, seeds.integer(seed, "chance", turn, k), 1)[0] for k in tried]
        with one_blas_thread():
            best = max(best, *silhouettes(drawn, fits))
    return best
