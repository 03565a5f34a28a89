"""The ways of picking that are compared: a sample, a number and a stream to positions."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage.peers import PEERS
from benchmarks.coverage.regions import inverse_density, k_means, rarity
from benchmarks.coverage.samples import Positions, Sample
from benchmarks.coverage.variants import VARIANTS
from rebalance.numerics.comparison import Points
from rebalance.quotas import QUOTAS
from rebalance.undersampling import PICKERS, allot, pick_per_cluster
from rebalance.undersampling.coverage import (
    most_typical,
    spread_in_parts,
    typical_in_parts,
)

Candidate = Callable[[Sample, int, np.random.Generator], Positions]


def random(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    return rng.choice(len(sample), wanted, replace=False)


def paper(pick: str, quotas: str = "equal") -> Candidate:
    """Lehmann & Ebner's clusters, as ``subclass``, with one of its picks and rules for shares."""

    def picked(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
        found = sample.subclasses
        shares = allot(found.sizes, wanted, QUOTAS[quotas])
        return pick_per_cluster(
            found.labels, found.distances, shares, PICKERS[pick], rng, found.components
        )

    return picked


def k_means_nearest(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """As many clusters as wanted, of the components; the member nearest to each centre."""
    regions = k_means(sample.components, wanted, np.ones(len(sample)), rng)
    return filled(most_typical(sample.components, regions), len(sample), wanted, rng)


def k_means_random(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """As many clusters as wanted, of the components; any member of each."""
    regions = k_means(sample.components, wanted, np.ones(len(sample)), rng)
    kept = [rng.choice(np.flatnonzero(regions == region)) for region in np.unique(regions)]
    return filled(np.array(kept), len(sample), wanted, rng)


def k_means_shares(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Equal shares of a third as many clusters as wanted, drawn at random within."""
    clusters = max(2, wanted // 3)
    return shared(k_means(sample.components, clusters, np.ones(len(sample)), rng), wanted, rng)


def hdbscan_shares(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Equal shares of HDBSCAN's clusters."""
    return shared(sample.dense, wanted, rng)


def k_centre(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Farthest first (Gonzalez 1985), on the components."""
    return farthest_first(sample.components, wanted, rng)


def k_centre_trimmed(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """The same without the tenth whose neighbours are farthest."""
    rarest = np.argsort(inverse_density(sample.components), kind="stable")
    inside = rarest[: max(wanted, int(0.9 * len(sample)))]
    return inside[farthest_first(sample.components[inside], wanted, rng)]


def facility_location(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Greedily, whoever shortens the summed distance to the nearest kept most."""
    gaps = sample.distances
    nearest = np.full(len(gaps), gaps.max())
    kept: list[int] = []
    for _ in range(wanted):
        gain = np.maximum(nearest[:, None] - gaps, 0).sum(axis=0)
        gain[kept] = -1
        kept.append(int(gain.argmax()))
        nearest = np.minimum(nearest, gaps[:, kept[-1]])
    return np.array(kept)


def inverse_densities(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Drawn with chances inverse to the local density."""
    weights = inverse_density(sample.points)
    return rng.choice(len(weights), wanted, replace=False, p=weights / weights.sum())


def weighted_regions(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """As many clusters as wanted, of images weighted by ``rarity``; the most typical of each."""
    regions = k_means(sample.points, wanted, rarity(sample.points, wanted, rng), rng)
    return filled(most_typical(sample.points, regions), len(sample), wanted, rng)


def k_dpp(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Drawn from a determinantal process of so many (Kulesza & Taskar 2011)."""
    values, vectors = sample.modes
    logs = np.log(values)
    # Row n, column k: the logarithm of the k-th elementary symmetric polynomial of n values.
    sums = np.full((len(values) + 1, wanted + 1), -np.inf)
    sums[:, 0] = 0
    for row, log in enumerate(logs):
        sums[row + 1, 1:] = np.logaddexp(sums[row, 1:], log + sums[row, :-1])
    chosen: list[int] = []
    for row in range(len(values), 0, -1):
        left = wanted - len(chosen)
        if (
            left
            and np.log(rng.random()) < logs[row - 1] + sums[row - 1, left - 1] - sums[row, left]
        ):
            chosen.append(row - 1)
    return drawn_from_projection(vectors[:, chosen], rng)


def coverage(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Ours: see ``rebalance.undersampling.coverage``."""
    return spread_in_parts(sample.points, wanted, rng)


def coverage_typical(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Ours: see ``rebalance.undersampling.coverage``."""
    return typical_in_parts(sample.points, wanted, rng)


def vote(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Equal shares of the kinds, as the five nearest images vote whose kinds are told."""
    assert sample.truth is not None
    gaps = sample.distances.copy()
    np.fill_diagonal(gaps, np.inf)
    neighbours = sample.truth[gaps.argsort(axis=1, kind="stable")[:, :5]]
    kinds = np.arange(sample.truth.max() + 1)
    votes = (neighbours[:, :, None] == kinds).sum(axis=1)
    # On a tie, the nearest.
    return shared((votes + 0.1 * (neighbours[:, :1] == kinds)).argmax(axis=1), wanted, rng)


def equal(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Equal shares of the true kinds."""
    assert sample.truth is not None
    return shared(sample.truth, wanted, rng)


CANDIDATES: dict[str, Candidate] = {
    "random": random,
    **{f"subclass-{pick}": paper(pick) for pick in ("closest", "farthest", "random", "typical")},
    **{
        f"subclass-{pick}-{quotas}": paper(pick, quotas)
        for quotas in ("sqrt", "size")
        for pick in ("closest", "random", "typical")
    },
    "k-means-nearest": k_means_nearest,
    "k-means-random": k_means_random,
    "k-means-shares": k_means_shares,
    "hdbscan-shares": hdbscan_shares,
    "k-centre": k_centre,
    "k-centre-trimmed": k_centre_trimmed,
    "facility-location": facility_location,
    "inverse-density": inverse_densities,
    "weighted-regions": weighted_regions,
    "k-dpp": k_dpp,
    "coverage-typical": coverage_typical,
    "coverage": coverage,
    **VARIANTS,
    **PEERS,
    "vote": vote,
    "equal": equal,
}
INFORMED = ("vote", "equal")  # they know the truth
ONCE = (  # another draw is the same
    "facility-location",
    "subclass-closest",
    "subclass-farthest",
    *PEERS,
)


def farthest_first(points: Points, wanted: int, rng: np.random.Generator) -> Positions:
    kept = [int(rng.integers(len(points)))]
    gaps = np.square(points - points[kept[0]]).sum(axis=1)
    while len(kept) < wanted:
        kept.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, np.square(points - points[kept[-1]]).sum(axis=1))
    return np.array(kept)


def shared(groups: Positions, wanted: int, rng: np.random.Generator) -> Positions:
    """As equal shares of the groups as their sizes allow, drawn at random within."""
    numbers = np.unique(groups, return_inverse=True)[1]
    quotas = allot(np.bincount(numbers).tolist(), wanted)
    return pick_per_cluster(numbers, np.zeros(len(numbers)), quotas, PICKERS["random"], rng)


def filled(kept: Positions, available: int, wanted: int, rng: np.random.Generator) -> Positions:
    rest = np.setdiff1d(np.arange(available), kept)
    return np.concatenate((kept, rng.choice(rest, wanted - len(kept), replace=False)))


def drawn_from_projection(vectors: NDArray[np.float64], rng: np.random.Generator) -> Positions:
    """One draw from the determinantal process of vectors @ vectors.T, their columns orthonormal."""
    told = np.zeros((vectors.shape[1], len(vectors)))
    left = np.square(vectors).sum(axis=1)
    kept: list[int] = []
    for step in range(vectors.shape[1]):
        chances = np.maximum(left, 0)
        chances[kept] = 0
        pick = int(rng.choice(len(left), p=chances / chances.sum()))
        told[step] = vectors @ vectors[pick] - told[:step, pick] @ told[:step]
        told[step] /= np.sqrt(left[pick])
        left = left - np.square(told[step])
        kept.append(pick)
    return np.array(kept)
