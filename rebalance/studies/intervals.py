"""Intervals of a mean over seeds and folds: how far it may be off.

The values of a study are not independent: any two of its training sets share most of their images,
so that the mean of J values varies more than their spread over sqrt(J) says. Imports numpy and
scipy; may not import torch or click.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95
DRAWS = 10_000  # of the bootstrap


class Interval(NamedTuple):
    """An interval from ``low`` to ``high``."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Tell whether all of it is on one side of 0."""
        return self.low > 0 or self.high < 0


def interval(
    values: ArrayLike,
    correction: float,
    rng: np.random.Generator,
    *,
    level: float = LEVEL,
) -> Interval | None:
    """Compute a bootstrap interval of the mean of ``values`` [J], widened for its shortcomings.

    The J values are drawn anew with replacement ``DRAWS`` times; how far the outer percentiles of
    their means lie from the mean gives the shape, skewed where the values are. Both distances are
    then multiplied by three factors: sqrt(J / (J - 1)) and t / z (quantiles of Student's
    distribution with J - 1 degrees of freedom and of the normal one), as a bootstrap of few values
    is too narrow (Hesterberg 2015), and sqrt(1 + J * correction), as the training sets overlap
    (Nadeau & Bengio 2003; Bouckaert & Frank 2004 for repeated cross-validation). For values that
    are not skewed that is the corrected resampled t interval.

    correction: validation images to each training image. None for fewer than two values, and for
    values that are all alike: they have no spread to judge by. Not for NaN.
    """
    from scipy.stats import norm, t

    values = np.asarray(values, dtype=np.float64)
    count = len(values)
    if count < 2 or np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    tail = (1 - level) / 2
    drawn = rng.choice(values, (DRAWS, count)).mean(axis=1)
    low, high = np.quantile(drawn, (tail, 1 - tail))
    wide = t.isf(tail, count - 1) / norm.isf(tail)
    wide *= np.sqrt(count / (count - 1) * (1 + count * correction))
    mean = float(values.mean())
    return Interval(mean - (mean - float(low)) * wide, mean + (float(high) - mean) * wide)


def at_once(
    alone: Interval, values: ArrayLike, comparisons: float, *, level: float = LEVEL
) -> Interval:
    """Widen ``alone`` to one of so many intervals that are to hold at once.

    alone: an interval of these values. By Bonferroni: each has the level 1 - (1 - level) /
    comparisons, so both its sides are longer by the ratio of the quantiles of Student's
    distribution.
    """
    from scipy.stats import t

    values = np.asarray(values, dtype=np.float64)
    tail, freedom, mean = (1 - level) / 2, len(values) - 1, float(values.mean())
    wide = float(t.isf(tail / comparisons, freedom) / t.isf(tail, freedom))
    return Interval(mean - (mean - alone.low) * wide, mean + (alone.high - mean) * wide)
