"""Summaries of many values: of one treatment, and of its difference from a control.

Imports numpy; may not import torch or click.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalance.studies.intervals import Interval, at_once, interval

BETTER, WORSE, UNTOLD = "better", "worse", "not distinguishable"
ERRORS = ("ece", "ece_balanced", "ece_calibrated", "ece_balanced_calibrated")
SMALLER_IS_BETTER = frozenset({"log_loss", "brier", *ERRORS})
RANGES = {  # of metrics that know an end
    **dict.fromkeys(("accuracy", "balanced_accuracy", "gmean", "gmean_macro", "f1_macro"), (0, 1)),
    "worst_recall": (0, 1),
    **dict.fromkeys(("specificity_macro", "f1_weighted", "f2_macro", "f05_macro"), (0, 1)),
    **dict.fromkeys(("roc_auc_ovr_macro", "roc_auc_ovr_weighted"), (0, 1)),
    "average_precision_macro": (0, 1),
    "log_loss": (0, math.inf),
    "brier": (0, 2),
    **dict.fromkeys(ERRORS, (0, 1)),
}

Pair = tuple[int, int]  # seed, fold
Values = Mapping[Pair, float]


def sign(metric: str) -> int:
    """Return 1 for a metric where more is better, -1 where less is better."""
    return -1 if metric in SMALLER_IS_BETTER else 1


@dataclass(frozen=True)
class PairedDifference:
    """The difference between a treatment and its control in one metric.

    It is taken for each pair of seed and fold. pairs: how many of these have both values. mean:
    over these; None where there is none. alone: the interval of this mean by itself. together: the
    interval that holds at once with those of all the other treatments beside the same control. Both
    are None where there are fewer than two pairs, or all differences are alike. verdict: better or
    worse where ``together`` excludes 0, by the direction of the metric.
    """

    pairs: int
    mean: float | None
    alone: Interval | None
    together: Interval | None
    verdict: str


@dataclass(frozen=True)
class MetricSummary:
    """One metric of one treatment over seeds and folds; None where it has no value at all.

    count: values that are numbers. undefined: those that are NaN. interval: of the mean, None as
    in ``PairedDifference``. nothing, random, prior: beside the controls, None where it has none.
    """

    count: int
    undefined: int
    median: float | None
    mean: float | None
    quartiles: Interval | None
    extremes: Interval | None
    interval: Interval | None
    nothing: PairedDifference | None = None
    random: PairedDifference | None = None
    prior: PairedDifference | None = None

    def beside(self, control: str) -> PairedDifference | None:
        """Return the difference from the control called ``nothing``, ``random`` or ``prior``."""
        return {"nothing": self.nothing, "random": self.random, "prior": self.prior}[control]


def summary(
    values: Values, metric: str, correction: float, rng: np.random.Generator
) -> MetricSummary:
    """Summarise values without the controls.

    correction, rng: as ``intervals.interval`` takes them.
    """
    known = _array(values)
    undefined = len(values) - len(known)
    if not len(known):
        return MetricSummary(0, undefined, None, None, None, None, None)
    low, lower, median, upper, high = np.quantile(known, (0, 0.25, 0.5, 0.75, 1)).tolist()
    return MetricSummary(
        len(known),
        undefined,
        median,
        float(known.mean()),
        Interval(lower, upper),
        Interval(low, high),
        _within(metric, interval(known, correction, rng)),
    )


def difference(
    values: Values,
    control: Values,
    metric: str,
    comparisons: int,
    correction: float,
    rng: np.random.Generator,
) -> PairedDifference:
    """Compare ``values`` with ``control``, where both have a number.

    comparisons: treatments beside this control, which ``together`` allows for.
    """
    shared = {pair: values[pair] - control[pair] for pair in values.keys() & control.keys()}
    found = _array(shared)
    if not len(found):
        return PairedDifference(0, None, None, None, UNTOLD)
    alone = interval(found, correction, rng)
    together = alone and at_once(alone, found, comparisons)
    mean = float(found.mean())
    verdict = UNTOLD
    if together is not None and together.excludes_zero:
        verdict = BETTER if mean * sign(metric) > 0 else WORSE
    return PairedDifference(len(found), mean, alone, together, verdict)


def _within(metric: str, found: Interval | None) -> Interval | None:
    """Limit an interval to what the metric can be, as no mean of it lies beyond."""
    least, most = RANGES.get(metric, (-math.inf, math.inf))
    return found and Interval(max(found.low, least), min(found.high, most))


def _array(values: Values) -> NDArray[np.float64]:
    """Return the values that are numbers, in the order of seeds and folds."""
    known = [values[pair] for pair in sorted(values) if not math.isnan(values[pair])]
    return np.array(known, dtype=np.float64)
