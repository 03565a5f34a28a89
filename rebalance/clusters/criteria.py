"""Criteria for the number of clusters: ways of judging several clusterings of the same points.

A criterion is a function ``(points [N, D], labelings by k, seed)`` to a ``Verdict``. May not import
torch or click; scikit-learn is imported when it is needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters import estimates
from rebalance.clusters import stability as resampling
from rebalance.clusters.k_means import Floats, Labelings, Labels, k_means
from rebalance.clusters.silhouette import silhouettes
from rebalance.numerics.products import one_blas_thread

REFERENCES = 20
LARGEST_REFERENCE = 1000


@dataclass(frozen=True)
class Verdict:
    """The value that a criterion gives to each k, larger being better, and the k it chooses.

    k is 1 only where a criterion can say that there are no clusters. errors: the standard error of
    each value, where they are estimates. rival: a k that these cannot tell from the one chosen.
    """

    values: dict[int, float]
    k: int
    errors: dict[int, float] = field(default_factory=dict)
    rival: int | None = None


Criterion = Callable[[Floats, Labelings, int], Verdict]


def silhouette(points: Floats, labelings: Labelings, seed: int) -> Verdict:
    """Judge by the mean silhouette (Rousseeuw 1987), estimated above 200,000 points."""
    if len(points) <= estimates.EXACT_LIMIT:
        with one_blas_thread():
            return _largest(labelings, silhouettes(points, list(labelings.values())))
    rng = seeds.generator(seed, "sample")
    found = estimates.estimated_silhouettes(points, list(labelings.values()), rng)
    ks = list(labelings)
    return replace(
        _largest(labelings, found.means),
        errors=dict(zip(ks, found.errors, strict=True)),
        rival=None if found.rival is None else ks[found.rival],
    )


def calinski_harabasz(points: Floats, labelings: Labelings, seed: int) -> Verdict:
    """Judge by the variance between clusters over that within, per degree of freedom.

    Source: Calinski & Harabasz 1974, A dendrite method for cluster analysis.

    Infinite where each cluster is one spot.
    """
    total = _scatter(points, np.zeros(len(points), np.intp))
    values = []
    for k, labels in labelings.items():
        within = _scatter(points, labels)
        between = (total - within) / (k - 1)
        values.append(between * (len(points) - k) / within if within > 0 else np.inf)
    return _largest(labelings, values)


def davies_bouldin(points: Floats, labelings: Labelings, seed: int) -> Verdict:
    """Judge by how little clusters overlap; 0 is the best, and all other values are negative.

    The value is minus the mean over clusters of how much each overlaps with the one it overlaps
    with most (Davies & Bouldin 1979, A cluster separation measure).
    """
    from sklearn.metrics import davies_bouldin_score

    points = _centred(points)
    return _largest(labelings, [-davies_bouldin_score(points, each) for each in labelings.values()])


def gap(points: Floats, labelings: Labelings, seed: int) -> Verdict:
    """Judge by how much tighter the clusters are than those of points spread evenly.

    Source: Tibshirani, Walther & Hastie 2001, Estimating the number of clusters in a data set via
    the gap statistic.

    gap(k) = mean of log W*(k) - log W(k), with W the mean squared distance to the own centre, W*
    that of 20 sets of min(N, 1000) points drawn evenly from the box around the points along their
    principal axes. The smallest k with gap(k) >= gap(k + 1) - s(k + 1) is chosen, s being the
    standard deviation of log W*(k + 1) times sqrt(1 + 1 / 20); the largest k where there is none.
    k = 1 is judged as well, and may be chosen. Infinite where each cluster is one spot.
    """
    alone = {1: np.zeros(len(points), np.intp)}
    tried: dict[int, Labels] = {**alone, **labelings}
    with np.errstate(divide="ignore"):  # the logarithm of 0, where each cluster is one spot
        own = np.log([_scatter(points, labels) / len(points) for labels in tried.values()])
        references = np.log(_reference_scatter(points, list(labelings), seed))
    gaps = references.mean(axis=0) - own
    errors = references.std(axis=0) * np.sqrt(1 + 1 / REFERENCES)
    enough = np.flatnonzero(gaps[:-1] >= gaps[1:] - errors[1:])
    values = dict(zip(tried, gaps.tolist(), strict=True))
    return Verdict(values, list(tried)[enough[0] if len(enough) else -1])


def stability(points: Floats, labelings: Labelings, seed: int) -> Verdict:
    """Judge by how well each clustering is found again on other samples: ``clusters.stability``."""
    return _largest(
        labelings,
        [
            resampling.stability(points, labels, seeds.integer(seed, "stability", k))
            for k, labels in labelings.items()
        ],
    )


CRITERIA: dict[str, Criterion] = {
    "silhouette": silhouette,
    "calinski-harabasz": calinski_harabasz,
    "davies-bouldin": davies_bouldin,
    "gap": gap,
    "stability": stability,
}


def _largest(labelings: Labelings, values: list[float]) -> Verdict:
    """Return the k with the largest value; a tie goes to the smaller k."""
    scores = dict(zip(labelings, map(float, values), strict=True))
    return Verdict(scores, max(scores, key=lambda k: (scores[k], -k)))


def _centred(points: Floats) -> NDArray[np.float64]:
    """Move the points to their mean, since squares far from the origin lose digits."""
    centred: NDArray[np.float64] = points - points.mean(axis=0, dtype=np.float64)
    return centred


def _scatter(points: Floats, labels: Labels) -> float:
    """Sum the squared distances of all points to the means of their clusters."""
    sizes = np.bincount(labels)
    centred = _centred(points)
    means = np.stack([np.bincount(labels, column) / sizes for column in centred.T], axis=1)
    return float(np.square(centred - means[labels]).sum())


def _reference_scatter(points: Floats, ks: list[int], seed: int) -> NDArray[np.float64]:
    """Measure the mean squared distance to the own centre for points that are spread evenly.

    The result has the shape [references, 1 + ks].
    """
    centred = _centred(points)
    # Distances do not change with the axes: the reference stays in the principal ones.
    with one_blas_thread():
        axes = np.linalg.svd(centred, full_matrices=False)[2].T
        along = centred @ axes
    low, high, size = along.min(axis=0), along.max(axis=0), min(len(points), LARGEST_REFERENCE)
    scatter = np.empty((REFERENCES, 1 + len(ks)))
    for turn, row in enumerate(scatter):
        drawn = seeds.generator(seed, "gap", turn).uniform(low, high, (size, along.shape[1]))
        row[0] = _scatter(drawn, np.zeros(size, np.intp))
        for place, k in enumerate(ks, 1):
            labels = k_means(drawn, k, seeds.integer(seed, "gap", turn, k))[0]
            row[place] = _scatter(drawn, labels)
    return scatter / size
