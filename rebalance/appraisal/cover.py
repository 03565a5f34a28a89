"""How closely the samples that are kept cover those that are left out, against random picks.

Works on features alone: may not import torch or click. Imports numpy and nothing heavier.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.numerics.products import threads

DRAWS = 20
LEAST_DRAWS = 4
DISTANCES = 1 << 25  # taken for one comparison, about: a fifth of a second
LEAST_LOOKED_AT = 1000  # samples left out; fewer tell too little of the farthest
BLOCK_VALUES = 1 << 20  # distances that a thread holds at a time: 4 MB in float32

Floats = NDArray[np.floating[Any]]
Positions = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Cover:
    """How the samples left out lie to those kept; each is served by the nearest one kept.

    farthest: the largest distance from a sample left out to the nearest one kept. mean: the average
    of these distances. balance: how evenly the kept ones serve, themselves included: the entropy of
    their shares over that of equal shares, from 0 (one serves all) to 1. Where nothing is left out
    the distances are 0.
    """

    farthest: float
    mean: float
    balance: float


@dataclass(frozen=True)
class CoverComparison:
    """The cover of the samples kept, and the average cover of as many random ones.

    farthest_closer, mean_closer: how many times as far random picks are from what they leave out; 2
    is twice as close as random. None where the distance is 0 on both sides; infinite where it is
    only on ours.
    draws: random picks that were averaged. looked_at: how many of the samples left out were looked
    at, on both sides; None is all of them.
    """

    kept: Cover
    random: Cover
    draws: int = DRAWS
    looked_at: int | None = None

    @property
    def farthest_closer(self) -> float | None:
        """Return how many times closer the farthest sample left out lies than with random picks."""
        return _ratio(self.random.farthest, self.kept.farthest)

    @property
    def mean_closer(self) -> float | None:
        """Return how many times closer the average sample left out lies than with random picks."""
        return _ratio(self.random.mean, self.kept.mean)


def cover(points: Floats, kept: Positions, outside: Positions | None = None) -> Cover:
    """The cover of ``points`` [N, D] by those at the positions ``kept`` [m], by Euclidean distance.

    A sample as near to several kept ones is served by the earliest of ``kept``. outside: the
    samples left out that are looked at, of which each stands for as many as there are; None is all.
    Time grows as their number times m·D, memory as N·D and a block. ValueError where nothing is
    kept, and for positions repeated or out of range; FeatureError for points that are not finite.
    """
    _check_positions(kept, len(points))
    if not np.isfinite(points).all():
        raise FeatureError.not_finite()
    left_out = len(points) - len(kept)
    if outside is None:
        outside = _others(kept, len(points))
    if not len(outside):
        return Cover(0.0, 0.0, 1.0)
    distances, servers = _nearest_kept(points, kept, outside)
    served = np.bincount(servers, minlength=len(kept)) * (left_out / len(outside))
    return Cover(float(distances.max()), float(distances.mean()), _evenness(1 + served))


def compare_with_random(
    points: Floats, kept: Positions, rng: np.random.Generator, draws: int | None = None
) -> CoverComparison:
    """The cover by ``kept`` beside the average of random picks of as many samples.

    draws: how many picks; None is 20 or, where that would take more than about 2^25 distances,
    fewer, down to 4. If it still would, some of the samples left out are drawn, at least 1,000 for
    each pick, and only they are looked at; "farthest" is then the farthest of these, on both sides,
    and less than that of all. Errors as in ``cover``; ValueError for fewer than 1 draw.
    """
    _check_positions(kept, len(points))
    if draws is not None and draws < 1:
        raise ValueError(f"at least 1 random draw is needed, but {draws} were asked for")
    left_out = len(points) - len(kept)
    looked_at = left_out
    if draws is None:
        affordable = DISTANCES // max(1, left_out * len(kept)) - 1
        draws = min(DRAWS, max(LEAST_DRAWS, affordable))
        most = max(LEAST_LOOKED_AT, DISTANCES // ((draws + 1) * len(kept)))
        looked_at = min(left_out, most)

    def measured(chosen: Positions) -> Cover:
        if looked_at == left_out:
            return cover(points, chosen)
        others = _others(chosen, len(points))
        return cover(points, chosen, rng.choice(others, looked_at, replace=False))

    ours = measured(kept)
    drawn = [measured(rng.choice(len(points), len(kept), replace=False)) for _ in range(draws)]
    average = Cover(
        float(np.mean([each.farthest for each in drawn])),
        float(np.mean([each.mean for each in drawn])),
        float(np.mean([each.balance for each in drawn])),
    )
    return CoverComparison(ours, average, draws, None if looked_at == left_out else looked_at)


def _others(kept: Positions, available: int) -> Positions:
    left_out = np.ones(available, bool)
    left_out[kept] = False
    return np.flatnonzero(left_out)


def _nearest_kept(
    points: Floats, kept: Positions, outside: Positions
) -> tuple[NDArray[np.float64], Positions]:
    """The distance from each ``outside`` to the nearest kept point, and which of ``kept`` it is."""
    mean = points.mean(axis=0, dtype=np.float64)
    chosen = (points[kept] - mean).astype(np.float32)
    squares, doubled = np.square(chosen).sum(axis=1), -2 * chosen.T
    servers, distances = np.empty(len(outside), np.intp), np.empty(len(outside))

    def serve(rows: slice) -> None:
        block = points[outside[rows]]
        centred = (block - mean).astype(np.float32)
        servers[rows] = (centred @ doubled + squares).argmin(axis=1)
        # From the differences, which do not cancel as the expanded squares do.
        gaps = (block - points[kept[servers[rows]]]).astype(np.float64)
        distances[rows] = np.sqrt(np.square(gaps).sum(axis=1))

    with threads() as team:
        team.each(serve, _blocks(len(outside), max(points.shape[1], len(kept))))
    return distances, servers


def _blocks(length: int, across: int) -> Iterator[slice]:
    step = max(1, BLOCK_VALUES // across)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def _evenness(load: Floats) -> float:
    if len(load) == 1:
        return 1.0
    shares = load[load > 0] / load.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(load)))


def _ratio(random: float, ours: float) -> float | None:
    if ours > 0:
        return random / ours
    return None if random == 0 else float("inf")


def _check_positions(kept: Positions, available: int) -> None:
    if not len(kept):
        raise ValueError("the cover by samples that are kept needs at least one, but there is none")
    if len(np.unique(kept)) < len(kept) or kept.min() < 0 or kept.max() >= available:
        raise ValueError(f"kept samples must be different positions from 0 to {available - 1}")
