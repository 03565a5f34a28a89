"""Estimates of the mean silhouettes of very many points, from a sample of them.

A silhouette compares a point with all others, so that the exact means take time by the square of
the points. Here some points, drawn evenly from all cells, are compared with all others. May not
import torch or click.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.clusters.silhouette import Cells

EXACT_LIMIT = 200_000  # points whose silhouettes are all computed
FIRST, MOST = 5_000, 80_000  # points drawn at first, and at last
SURE = 2.0  # standard errors by which the best is to be ahead

Float64s = NDArray[np.float64]
Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class SilhouetteEstimate:
    """The estimated mean silhouette of each labeling, and how far it may be off.

    errors: standard errors of ``means``. drawn: the points that were looked at. rival: the labeling
    that the best cannot be told from, if there is one: of those less than two standard errors of
    the difference behind it, the nearest.
    """

    means: list[float]
    errors: list[float]
    drawn: int
    rival: int | None = None


def estimated_silhouettes(
    points: NDArray[np.floating[Any]],
    labelings: Sequence[ArrayLike],
    rng: np.random.Generator,
    *,
    first: int = FIRST,
    most: int = MOST,
) -> SilhouetteEstimate:
    """Estimate the mean silhouettes of one or more labelings [N] of ``points`` [N, D].

    Points are drawn without replacement from every cell (a set that no labeling parts) in
    proportion to its size, 2 at least, so that the sample is stratified by the clusters of every
    labeling; the standard errors are those of stratified sampling (Cochran 1977, Sampling
    Techniques, section 5.4). The silhouettes of the points drawn are exact. There are ``first`` of
    them, and twice as many again while the best labeling is not two standard errors of the
    difference ahead of every other, up to ``most``. Errors as in ``silhouettes``.
    """
    cells = Cells.of(points, labelings)
    strata = _Strata(cells.starts, rng)
    size = min(first, most, len(points))
    while True:
        strata.fill(cells, size)
        found = strata.estimate()
        if found.rival is None or size >= min(most, len(points)):
            return found
        size = min(2 * size, most, len(points))


class _Strata:
    """The points drawn so far from each cell, and their silhouettes [labelings, n]."""

    def __init__(self, starts: Numbers, rng: np.random.Generator) -> None:
        self.sizes = np.diff(starts)
        # Each cell's points in random order: a larger sample holds the smaller one.
        self.orders = [
            start + rng.permutation(size)
            for start, size in zip(starts.tolist(), self.sizes.tolist(), strict=False)
        ]
        self.drawn = np.zeros(len(self.sizes), np.intp)
        self.values: list[list[Float64s]] = [[] for _ in self.sizes]

    def fill(self, cells: Cells, size: int) -> None:
        """Draw points until there are about ``size``."""
        shares = np.ceil(size * (self.sizes / self.sizes.sum())).astype(np.intp)
        wanted = np.minimum(np.maximum(shares, 2), self.sizes)
        parts = [
            order[done:end]
            for order, done, end in zip(self.orders, self.drawn, wanted, strict=True)
        ]
        if (wanted == self.drawn).all():
            return
        found = _joined(cells.silhouettes(np.concatenate(parts)))
        ends = np.cumsum([len(part) for part in parts])[:-1]
        for values, new in zip(self.values, np.split(found, ends, axis=1), strict=True):
            values.append(new)
        self.drawn = wanted

    def estimate(self) -> SilhouetteEstimate:
        """Estimate the means from the points drawn so far."""
        strata = [_joined(values) for values in self.values]
        means = self._means(strata)
        best = int(means.argmax())
        behind = means[best] - means
        near = behind < SURE * self._errors([values[best] - values for values in strata])
        near[best] = False
        rivals = np.flatnonzero(near)
        return SilhouetteEstimate(
            means.tolist(),
            self._errors(strata).tolist(),
            int(self.drawn.sum()),
            int(rivals[behind[rivals].argmin()]) if len(rivals) else None,
        )

    def _means(self, strata: list[Float64s]) -> Float64s:
        weights = self.sizes / self.sizes.sum()
        means: Float64s = np.stack([values.mean(axis=1) for values in strata], axis=1) @ weights
        return means

    def _errors(self, strata: list[Float64s]) -> Float64s:
        """Return the standard errors of the means of values [labelings, n] of each stratum."""
        variance = np.zeros(len(strata[0]))
        for values, drawn, size in zip(strata, self.drawn, self.sizes, strict=True):
            if drawn < size:  # else the whole of it is known
                weight = size / self.sizes.sum()
                variance += weight**2 * values.var(axis=1, ddof=1) / drawn * (1 - drawn / size)
        errors: Float64s = np.sqrt(variance)
        return errors


def _joined(blocks: Iterable[Float64s]) -> Float64s:
    return np.concatenate(list(blocks), axis=1)
