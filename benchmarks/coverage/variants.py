"""Ways to ``coverage`` that were tried beside it: other spaces, other kernels, another choice.

Each is written plainly, with all distances of a class at once: for small classes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage.regions import k_means
from benchmarks.coverage.samples import Positions, Sample
from rebalance.numerics.pca import InMemory, principal_components
from rebalance.quotas import QUOTAS
from rebalance.undersampling import allot

Variant = Callable[[Sample, int, np.random.Generator], Positions]
Matrix = NDArray[np.float64]

NEAREST = 5  # the neighbour whose distance says how typical an image is, and how kinds vary


def components(count: int) -> Variant:
    """``coverage`` in so many components."""

    def picked(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
        return spread(kernel(distances(of_rows(sample, count))), wanted, rng)

    return picked


def all_columns(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """``coverage`` of the rows of unit length, without components."""
    return spread(kernel(distances(sample.rows)), wanted, rng)


def whitened(count: int, share: float) -> Variant:
    """Components divided by how neighbours differ, that covariance shrunk to keep its ``share``."""

    def picked(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
        points = of_rows(sample, count).astype(np.float64)
        near = np.argsort(distances(points), axis=1, kind="stable")[:, 1 : NEAREST + 1]
        steps = (points[:, None] - points[near]).reshape(-1, points.shape[1])
        values, vectors = np.linalg.eigh(steps.T @ steps / len(steps))
        values = (1 - share) * values.mean() + share * values
        return spread(kernel(distances(points @ (vectors / np.sqrt(values)))), wanted, rng)

    return picked


def typical(power: float, columns: bool = False) -> Variant:
    """Images count by their density, to a ``power``: kernel and variance are times its root.

    The density is one over the distance to the fifth neighbour. columns: all, not 50 components.
    """

    def picked(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
        gaps = distances(sample.rows if columns else sample.points)
        radius = np.sort(gaps, axis=1)[:, min(NEAREST, len(gaps) - 1)]
        radius = np.maximum(radius, radius[radius > 0].min(initial=np.inf))
        worth = (np.median(radius) / radius) ** power
        return spread(kernel(gaps) * np.sqrt(worth[:, None] * worth), wanted, rng)

    return picked


def next_to(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Of a pick of ``all_columns`` and the two nearest in its region, the one in their middle."""
    kept = all_columns(sample, wanted, rng)
    gaps = distances(sample.rows)
    regions = gaps[:, kept].argmin(axis=1)
    regions[kept] = np.arange(wanted)
    found = []
    for region, pick in enumerate(kept):
        members = np.flatnonzero(regions == region)
        near = members[gaps[pick, members].argsort(kind="stable")[:3]]
        middle = sample.rows[near].mean(axis=0)
        found.append(near[np.square(sample.rows[near] - middle).sum(axis=1).argmin()])
    return np.array(found)


def hierarchy(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """k-means of k-means's centres, three deep; equal shares down the tree (Vo et al. 2024)."""
    points = sample.points
    levels: list[Positions] = []
    for clusters in (max(wanted, len(points) // 3), max(2, wanted // 2), max(2, wanted // 8)):
        found = k_means(points, min(clusters, len(points)), np.ones(len(points)), rng)
        levels = [found if not levels else found[levels[0]], *levels]
        points = np.stack([points[found == one].mean(axis=0) for one in np.unique(found)])
        levels[0] = np.unique(levels[0], return_inverse=True)[1]
    return np.array(down(levels, np.arange(len(sample)), wanted, rng))


def down(
    levels: list[Positions], members: Positions, wanted: int, rng: np.random.Generator
) -> list[int]:
    if not levels:
        return rng.choice(members, wanted, replace=False).tolist()
    numbers = np.unique(levels[0][members], return_inverse=True)[1]
    shares = allot(np.bincount(numbers).tolist(), wanted, QUOTAS["equal"])
    return [
        pick
        for number, share in enumerate(shares)
        for pick in down(levels[1:], members[numbers == number], share, rng)
    ]


def of_rows(sample: Sample, count: int) -> NDArray[np.float32]:
    return principal_components(InMemory(sample.rows), count)


def distances(points: NDArray[np.floating]) -> Matrix:
    points = points.astype(np.float64)
    squares = np.square(points).sum(axis=1)
    gaps = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
    np.fill_diagonal(gaps, 0)
    return gaps


def kernel(gaps: Matrix) -> Matrix:
    apart = gaps[gaps > 0]
    return np.exp(-gaps / (np.median(apart) if len(apart) else 1))


def spread(covariance: Matrix, wanted: int, rng: np.random.Generator) -> Positions:
    """``coverage.spread`` of any covariance, with its noise of 1; the first of equals is drawn."""
    order = rng.permutation(len(covariance))
    alike = covariance[np.ix_(order, order)]
    variance = np.diag(alike) + 1
    told = np.empty((wanted, len(alike)))
    kept = np.empty(wanted, np.intp)
    for step in range(wanted):
        pick = kept[step] = variance.argmax()
        told[step] = (alike[pick] - told[:step, pick] @ told[:step]) / np.sqrt(variance[pick])
        variance = variance - np.square(told[step])
        variance[pick] = -np.inf
    return order[kept]


VARIANTS: dict[str, Variant] = {
    "coverage-100": components(100),
    "coverage-200": components(200),
    "coverage-columns": all_columns,
    "coverage-whitened": whitened(50, 0.8),
    "coverage-whitened-200": whitened(200, 0.4),
    "coverage-dense": typical(0.1),
    "coverage-denser": typical(0.2),
    "coverage-columns-denser": typical(0.2, columns=True),
    "coverage-next": next_to,
    "hierarchy": hierarchy,
}
