"""Features as points whose distances are compared, at little cost: read and projected by block.

The space of ``coverage.embed``, its statistics taken from a sample where there are many images.
Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.numerics.half_precision import widened
from rebalance.numerics.products import threads
from rebalance.undersampling.coverage import COMPONENTS

FITTED = 2048  # images that the statistics are taken from, at most
SPARE = 30  # directions iterated beyond those kept
ROUNDS = 4  # of subspace iteration: more than enough for directions that distances are taken in
BLOCK_VALUES = 1 << 20  # features in a block: 4 MB in float32, of which about two are alive

Features = NDArray[np.floating[Any]]
Points = NDArray[np.float32]


class Table(Protocol):
    """Features [N, D] that are read piece by piece, such as ``cache.StoredFeatures``."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def take(self, positions: NDArray[np.intp]) -> "Table": ...

    def read(self, rows: slice, columns: slice) -> Features: ...


@dataclass(frozen=True, eq=False)
class Projection:
    """How features become points: (row @ directions) / length of (row * scale).

    scale: one over the columns' divisors [D], 0 for a column that does not vary. directions: [D, up
    to 50]. The points are not moved to their mean, which changes no distance.
    """

    scale: Points
    directions: Points

    @classmethod
    def of(cls, sample: Features) -> "Projection":
        """The projection by the statistics of a ``sample`` [n, D].

        As ``coverage.embed``, but for the components, which are found by randomised subspace
        iteration (Halko, Martinsson & Tropp 2011) in a fixed number of rounds. FeatureError for
        features that are not finite.
        """
        values = widened(sample).astype(np.float32, copy=False)
        _check_finite(values)
        spread = values.std(axis=0, dtype=np.float64)
        floor = max(spread.mean() / 10, np.finfo(np.float32).tiny)
        scale = (1 / np.maximum(spread, floor) * (spread > 0)).astype(np.float32)
        rows = values * scale
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths > 0, lengths, np.float32(1))
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        # What varies within the last place of float32 is rounding.
        rounding = np.finfo(np.float32).eps * np.abs(rows).max(axis=0)
        deviations = rows.std(axis=0, dtype=np.float64).astype(np.float32)
        deviations[np.ptp(rows, axis=0) <= rounding] = np.inf
        components = _leading((rows - mean) / deviations) / deviations[:, None]
        return cls(scale, scale[:, None] * components)

    def __call__(self, features: Features) -> Points:
        """The points [n, up to 50] of features [n, D]; FeatureError where they are not finite."""
        values = widened(features).astype(np.float32, copy=False)
        # One product with the squares: what is not finite is found in it, without another pass.
        with threads() as team:
            lengths = np.sqrt(team.multiply(np.square(values), np.square(self.scale)[:, None]))
            _check_finite(lengths)
            lengths[lengths == 0] = 1
            points: Points = team.multiply(values, self.directions) / lengths
        return points


def project(table: Table, rng: np.random.Generator) -> Points:
    """All of a table as points [N, up to 50]; of many images the statistics are those of a draw.

    Time grows with N·D, memory with N and a block. FeatureError for features that are not finite.
    """
    count, columns = table.shape
    sample = table
    if count > FITTED:
        sample = table.take(np.sort(rng.choice(count, FITTED, replace=False)))
    with threads() as team:
        projection = Projection.of(sample.read(slice(None), slice(None)))

        def projected(rows: slice) -> Points:
            return projection(table.read(rows, slice(None)))

        return np.concatenate(team.each(projected, _blocks(count, columns)))


def _blocks(length: int, across: int) -> Iterator[slice]:
    step = max(1, BLOCK_VALUES // max(1, across))
    return (slice(start, start + step) for start in range(0, length, step))


def _leading(standard: Points) -> Points:
    """Orthonormal directions [D, up to 50] in which ``standard`` [n, D] varies most."""
    samples, columns = standard.shape
    count = min(COMPONENTS, samples, columns)
    width = min(count + SPARE, samples, columns)
    start = np.random.default_rng(0).standard_normal((columns, width)).astype(np.float32)
    with threads() as team:
        basis = np.linalg.qr(start)[0]
        for _ in range(ROUNDS):
            turned = team.multiply(standard.T, team.multiply(standard, basis))
            basis = np.linalg.qr(turned)[0]
        axes = np.linalg.svd(team.multiply(standard, basis), full_matrices=False)[2]
        directions: Points = (basis @ axes.T[:, :count]).astype(np.float32)
    return directions


def _check_finite(values: Points) -> None:
    if not np.isfinite(values).all():
        raise FeatureError(
            "features must be finite, but there are NaN or infinite ones: extract them again"
        )
