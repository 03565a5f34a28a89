"""Samples that cover a class: those that are least like each other, together.

Random picks follow the density of a class, so its rare subclasses are thinned like the common ones.
Here each sample that is kept makes those near to it less worth keeping, so that a crowd is served
by a few and a thinly populated region keeps its own. May not import torch or click.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.comparison import Points, embed
from rebalance.numerics.products import slices, threads

PAIRS = 1 << 14  # of samples, drawn, whose distances give the scale
NOISE = 1.0  # of a sample, beside its variance: two copies are worth more than one, but not twice
PER_PART = 256  # samples kept of one part of a class, at most: time grows with their square
PART_VALUES = 1 << 22  # what a part holds at a time: 16 MB in float32

Positions = NDArray[np.intp]
Features = NDArray[np.floating[Any]]


def coverage(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """The rising positions of ``wanted`` samples that cover the class with these features [N, D].

    They are those that ``spread_in_parts`` takes of the class in the space of
    ``numerics.comparison``. Time and memory grow with N·D. The features are not modified.
    ValueError unless 1 <= wanted <= N; FeatureError for features that are not finite.
    """
    _check(features, wanted)
    if wanted == len(features):
        return np.arange(wanted)
    return spread_in_parts(embed(features), wanted, rng)


def coverage_typical(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """Choose as many rising positions as wanted, of more typical samples.

    They lie closer to the samples that are left out, and keep the rare subclasses less well.
    Parameters and errors are those of ``coverage``.
    """
    _check(features, wanted)
    if wanted == len(features):
        return np.arange(wanted)
    return typical_in_parts(embed(features), wanted, rng)


def spread_in_parts(points: Points, wanted: int, rng: np.random.Generator) -> Positions:
    """The rising positions of ``wanted`` of the ``points`` [N, D], most unlike each other.

    See ``spread``. Where many are wanted, or of many points, they are dealt into parts at random,
    of which each keeps its share. Time grows with N·wanted² up to 256 wanted, beyond only with N;
    memory with N and a block for each thread.
    """
    scale = typical_distance(points, rng)
    order = rng.permutation(len(points))
    parts = _parts(len(points), wanted)

    def kept_of(part: int) -> Positions:
        members = order[part::parts]
        return members[spread(points[members], wanted // parts + (part < wanted % parts), scale)]

    with threads() as team:
        return np.sort(np.concatenate(team.each(kept_of, range(parts))))


def typical_in_parts(points: Points, wanted: int, rng: np.random.Generator) -> Positions:
    """Pick the most typical of the points nearest to each that ``spread_in_parts`` keeps.

    points: [N, D]. The most typical is the one nearest to the mean of these (tie: the earlier). The
    result has ``wanted`` rising positions.
    """
    kept = spread_in_parts(points, wanted, rng)
    lengths = np.square(points[kept]).sum(axis=1)
    regions = np.empty(len(points), np.intp)

    def look(rows: slice) -> None:
        regions[rows] = (lengths - 2 * (points[rows] @ points[kept].T)).argmin(axis=1)

    with threads() as team:
        team.each(look, slices(len(points), max(1, PART_VALUES // wanted)))
    regions[kept] = np.arange(wanted)  # of copies that are kept each has a region of its own
    return np.sort(most_typical(points, regions))


def most_typical(points: Points, regions: Positions) -> Positions:
    """The member of each region nearest to its mean (tie: the earlier), by rising region.

    points: [N, D]. regions: the number [N] of the region of each.
    """
    numbers = np.unique(regions, return_inverse=True)[1]
    sizes = np.bincount(numbers)
    order = np.argsort(numbers, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    means = np.add.reduceat(points[order].astype(np.float64), starts) / sizes[:, None]
    gaps = np.square(points - means[numbers]).sum(axis=1)
    nearest: Positions = np.lexsort((gaps, numbers))[starts]
    return nearest


def spread(points: Points, wanted: int, scale: float) -> Positions:
    """The positions of ``wanted`` points [N, D] that tell most about all, in the order of picking.

    With the covariance K = exp(-distance / scale) and the noise ``NOISE``, each pick is the sample
    that is least known by those before it: its variance given them is largest (tie: the earlier).
    That is the greedy way to the largest determinant of K + NOISE·I among the samples kept, or to
    the likeliest set of a determinantal point process (Chen, Zhang & Zhou 2018, algorithm 1). The
    first pick is the first point. scale: above 0, in units of the points.
    """
    squares = np.square(points).sum(axis=1)
    # Row t: what pick t tells about each point, after the picks before it (a Cholesky factor).
    told = np.empty((wanted, len(points)), np.float32)
    variance = np.full(len(points), 1 + NOISE, np.float32)
    kept = np.empty(wanted, np.intp)
    # Points are finite. Products of small float32 matrices may raise the processor's flag for what
    # is invalid all the same, by what lies beside them in its registers.
    with np.errstate(invalid="ignore"):
        for step in range(wanted):
            pick = kept[step] = variance.argmax()
            gaps = squares + squares[pick] - 2 * (points @ points[pick])
            alike = np.exp(np.sqrt(np.maximum(gaps, 0)) / np.float32(-scale))
            alike -= told[:step, pick] @ told[:step]
            told[step] = alike / np.sqrt(variance[pick])
            variance -= np.square(told[step])
            variance[pick] = -np.inf
    return kept


def typical_distance(points: Points, rng: np.random.Generator) -> float:
    """The median distance of pairs that differ, of 16,384 drawn; 1 where none does."""
    pairs = rng.integers(0, len(points), (2, PAIRS))
    gaps = np.linalg.norm(points[pairs[0]] - points[pairs[1]], axis=1)
    apart = gaps[gaps > 0]
    return float(np.median(apart)) if len(apart) else 1.0


def _check(features: Features, wanted: int) -> None:
    if not 1 <= wanted <= len(features):
        raise ValueError(f"from 1 to {len(features)} samples can be kept, but {wanted} are wanted")


def _parts(available: int, wanted: int) -> int:
    """Into how many parts to deal a class, so that none takes long or much memory."""
    by_time = wanted / PER_PART
    by_memory = (available * wanted / PART_VALUES) ** 0.5
    return min(wanted, int(np.ceil(max(1.0, by_time, by_memory))))
