"""Outcomes of the candidates so far, and how two of them compare over the pairs that both have.

Imports numpy; may not import torch or click.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.advice.candidates import Candidate
from rebalance.studies.intervals import Interval, at_once, interval
from rebalance.studies.outcomes import Outcome
from rebalance.studies.summaries import Pair

METRIC = "balanced_accuracy"
LOOKS = 4  # rounds at most, after each of which the scores are looked at
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairedGain:
    """The gain of one candidate over another. values: over the pairs that both have [J]."""

    values: Floats
    interval: Interval | None

    @property
    def mean(self) -> float:
        """Their mean; NaN without any."""
        return float(self.values.mean()) if len(self.values) else math.nan

    @property
    def above_zero(self) -> bool:
        """Tell whether it is clearly better."""
        return self.interval is not None and self.interval.low > 0

    @property
    def below_zero(self) -> bool:
        """Tell whether it is clearly worse."""
        return self.interval is not None and self.interval.high < 0


@dataclass
class Outcomes:
    """The outcomes of candidates, by their names and by pair of seed and fold.

    folds: of each seed. seed: of the draws of intervals.
    """

    folds: int
    seed: int
    of: dict[str, dict[Pair, Outcome]] = field(default_factory=dict)

    def add(self, name: str, outcome: Outcome) -> None:
        """Keep an outcome of the candidate of this name."""
        self.of.setdefault(name, {})[outcome.seed, outcome.fold] = outcome

    def pairs(self, candidate: Candidate) -> list[Pair]:
        """List the pairs that a candidate has, in order."""
        return sorted(self.of.get(candidate.name, {}))

    def mean(self, candidate: Candidate, metric: str = METRIC, *, test: bool = False) -> float:
        """Average a metric over the pairs of a candidate; NaN where there is none."""
        known = list(_values(self.of.get(candidate.name, {}), metric, test).values())
        return float(np.mean(known)) if known else math.nan

    def difference(
        self,
        one: Candidate,
        other: Candidate,
        *,
        comparisons: float = 1,
        overlap: bool = True,
        test: bool = False,
    ) -> PairedGain:
        """Compare two candidates by the pairs that both have.

        comparisons: how many intervals are to hold at once; one over the share of the chance of
        error that this one is given. overlap: whether the interval is of other images of the same
        source, and so allows for the training images that pairs share (Nadeau & Bengio 2003); if
        not, it is of more seeds on these very images.
        """
        left, right = (_values(self.of.get(each.name, {}), METRIC, test) for each in (one, other))
        shared = sorted(left.keys() & right.keys())
        values = np.array([left[pair] - right[pair] for pair in shared])
        rng = seeds.generator(self.seed, "advice", one.name, other.name, str(test))
        alone = interval(values, 1 / (self.folds - 1) if overlap else 0.0, rng)
        found = alone and at_once(alone, values, comparisons)
        return PairedGain(values, found)


def _values(own: Mapping[Pair, Outcome], metric: str, test: bool) -> dict[Pair, float]:
    """The values of a metric that are numbers."""
    scores = {pair: (each.test or {}) if test else each.metrics for pair, each in own.items()}
    known = {pair: found.get(metric, math.nan) for pair, found in scores.items()}
    return {pair: value for pair, value in known.items() if not math.isnan(value)}


def named(candidates: Iterable[Candidate]) -> list[str]:
    """Return the names of candidates."""
    return [each.name for each in candidates]
