"""How closely the samples that are kept cover those that are left out, against random picks.

Works on features alone: may not import torch or click. Imports numpy and nothing heavier.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError

DRAWS = 20
BLOCK_VALUES = 1 << 22  # distances alive at a time: 16 MB in float32

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
class Comparison:
    """The cover of the samples kept, and the average cover of as many random ones.

    farthest_closer, mean_closer: how many times as far random picks are from what they leave out; 2
    is twice as close as random. None where the distance is 0 on both sides; infinite where it is
    only on ours.
    """

    kept: Cover
    random: Cover

    @property
    def farthest_closer(self) -> float | None:
        """By the farthest sample left out."""
        return _ratio(self.random.farthest, self.kept.farthest)

    @property
    def mean_closer(self) -> float | None:
        """By the average sample left out."""
        return _ratio(self.random.mean, self.kept.mean)


def cover(points: Floats, kept: Positions) -> Cover:
    """The cover of ``points`` [N, D] by those at the positions ``kept`` [m], by Euclidean distance.

    A sample as near to several kept ones is served by the earliest of ``kept``. Time grows as
    N·m·D, memory as a block. ValueError where nothing is kept, and for positions repeated
    or out of range; FeatureError for points that are not finite.
    """
    _check_positions(kept, len(points))
    if not np.isfinite(points).all():
        raise FeatureError(
            "points must be finite, but there are NaN or infinite ones: extract the features again"
        )
    distances, servers = _nearest_kept(points, kept)
    left_out = np.ones(len(points), bool)
    left_out[kept] = False
    load = np.bincount(servers, minlength=len(kept))
    if not left_out.any():
        return Cover(0.0, 0.0, 1.0)
    outside = distances[left_out]
    return Cover(float(outside.max()), float(outside.mean()), _evenness(load))


def compare_with_random(
    points: Floats, kept: Positions, rng: np.random.Generator, draws: int = DRAWS
) -> Comparison:
    """The cover by ``kept`` beside the average of ``draws`` random picks of as many samples.

    Errors as in ``cover``; ValueError for fewer than 1 draw.
    """
    if draws < 1:
        raise ValueError(f"at least 1 random draw is needed, but {draws} were asked for")
    ours = cover(points, kept)
    drawn = [cover(points, rng.choice(len(points), len(kept), replace=False)) for _ in range(draws)]
    return Comparison(
        ours,
        Cover(
            float(np.mean([each.farthest for each in drawn])),
            float(np.mean([each.mean for each in drawn])),
            float(np.mean([each.balance for each in drawn])),
        ),
    )


def _nearest_kept(points: Floats, kept: Positions) -> tuple[NDArray[np.float64], Positions]:
    """The distance [N] to the nearest kept point, and which of ``kept`` it is [N]."""
    centred = (points - points.mean(axis=0, dtype=np.float64)).astype(np.float32)
    chosen = centred[kept]
    squares = np.square(chosen).sum(axis=1)
    servers = np.empty(len(points), np.intp)
    for rows in _blocks(len(points), len(kept)):
        servers[rows] = (squares - 2 * (centred[rows] @ chosen.T)).argmin(axis=1)
    servers[kept] = np.arange(len(kept))
    # From the differences, which do not cancel as the expanded squares do.
    gaps = (points - points[kept[servers]]).astype(np.float64)
    return np.sqrt(np.square(gaps).sum(axis=1)), servers


def _blocks(length: int, across: int) -> Iterator[slice]:
    step = max(1, BLOCK_VALUES // across)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def _evenness(load: NDArray[np.integer[Any]]) -> float:
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
