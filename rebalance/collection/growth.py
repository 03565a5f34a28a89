"""Curves foretell larger sizes, and are checked by hiding their last part.

May not import torch or click.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rebalance.collection.noise import Measured, errors_of
from rebalance.collection.power_law import Posterior, Prediction, fitted, foretold
from rebalance.collection.rounds import Rounds, Sample
from rebalance.records import CurvePoint, GrowthGain, HiddenPart

Floats = NDArray[np.float64]

LEVEL = 0.9
SEEN = 0.55  # of the largest size: what is at most so large foretells it in the check
LEAST_SEEN = 2  # sizes: one alone foretells nothing
# Of 344 gains of images that were held back the intervals of the law alone held 86 %, and these
# held 90; of gains that had no part in this choice they held 95 % (docs/what-to-collect.md).
WIDER = 1.2
LEAN = 0.5  # what one class gains others may lose: less is likely than of its own recall
PRIOR_CHECKS = 4  # checks that are as expected, counted to those that were made
SURE = 0.0005  # in balanced accuracy: what is shown as .000 is no gain
NEXT_TO_NOTHING = 0.005  # in balanced accuracy: less than this is not worth collecting for


@dataclass(frozen=True, eq=False)
class Curves:
    """The curves of the classes that can be told, by label.

    balanced: of the balanced error. own: of the class's own error. have: the units of the class.
    """

    balanced: dict[int, Measured]
    own: dict[int, Measured]
    have: dict[int, int]
    classes: int


@dataclass(frozen=True, eq=False)
class Foresight:
    """The laws of all curves, and how far they can be believed.

    balanced, own: what the balanced error and that of the class itself obey. checks: how the curves
    did without their last part, by label. widened: the factor that this makes intervals wider by.
    """

    curves: Curves
    balanced: dict[int, Posterior]
    own: dict[int, Posterior]
    checks: dict[int, HiddenPart]
    widened: float

    def points(self, label: int) -> list[CurvePoint]:
        """The curve of a class as it was measured."""
        balanced, own = self.curves.balanced[label], self.curves.own[label]
        return [
            {
                "size": float(size),
                "recall": float(1 - missed),
                "balanced_accuracy": float(1 - error),
                "error": float(np.sqrt(variance)),
            }
            for size, error, missed, variance in zip(
                balanced.sizes,
                balanced.errors,
                own.errors,
                np.diag(balanced.covariance),
                strict=True,
            )
        ]

    def gain(self, label: int, more: int) -> GrowthGain:
        """Foretell what so many more of a class bring."""
        have = self.curves.have[label]
        balanced = self.balanced[label].gain(have, have + more)
        own = self.own[label].gain(have, have + more)
        low, high = span(balanced, self.widened)
        return {
            "more": more,
            "times": (have + more) / have,
            "balanced_accuracy": balanced.quantile(0.5),
            "interval": (low, high),
            "recall": own.quantile(0.5),
            "recall_interval": span(own, self.widened),
            "verdict": verdict(low, high),
        }


def verdict(low: float, high: float) -> Literal["gain", "nothing", "open"]:
    """Say what an interval of a gain in balanced accuracy amounts to.

    >>> from rebalance.collection.growth import verdict
    >>> verdict(0.004, 0.03), verdict(0.0, 0.03), verdict(0.001, 0.004)
    ('gain', 'open', 'nothing')
    """
    if high < NEXT_TO_NOTHING:
        return "nothing"
    return "gain" if low > SURE else "open"


def curves_of(rounds: Rounds, sample: Sample, repeats: float) -> Curves:
    """Measure the error along each class's curve, in balanced accuracy and in its own recall.

    A class of which nothing was held out, for want of time, has none.
    """
    counts = np.bincount(sample.labels, minlength=sample.classes)
    present = int((counts > 0).sum())
    alike = 1 / (present * counts[sample.labels])
    balanced, own, have = {}, {}, {}
    seen = np.unique(np.concatenate(rounds.held))
    for label in np.intersect1d(list(rounds.curves), sample.labels[seen]).tolist():
        members = sample.labels == label
        # Classes' luck evens out in their mean: with it, these intervals are far too wide.
        balanced[label] = errors_of(rounds, label, alike, sample, repeats)._replace(luck=0.0)
        own[label] = errors_of(rounds, label, members / counts[label], sample, repeats)
        have[label] = len(np.unique(sample.units[members]))
    return Curves(balanced, own, have, present)


def foresee(curves: Curves) -> Foresight:
    """Fit all curves, and check them by what they foretell of their last part."""
    scale = 1 / curves.classes
    all_of, checks, strays = curves.balanced, {}, []
    seen = {label: curve.sizes <= SEEN * curve.sizes[-1] for label, curve in all_of.items()}
    seen = {label: each for label, each in seen.items() if each.sum() >= LEAST_SEEN}
    early = fitted({label: all_of[label].only(each) for label, each in seen.items()}, scale, LEAN)
    for label, law in early.items():
        found = foretold(all_of[label], seen[label], law)
        checks[label] = _checked(all_of[label], seen[label], found)
        strays.append(found.stray(all_of[label].errors[-1]))
    squares = float(np.sum(np.square(strays)))
    widened = np.sqrt((PRIOR_CHECKS + squares) / (PRIOR_CHECKS + len(strays)))
    return Foresight(
        curves,
        fitted(curves.balanced, scale, LEAN),
        fitted(curves.own, 1.0),
        checks,
        WIDER * max(1.0, float(widened)),
    )


def span(prediction: Prediction, widened: float = 1.0) -> tuple[float, float]:
    """The interval of a prediction, its ends moved away from its middle by a factor."""
    tail = (1 - LEVEL) / 2
    middle = prediction.quantile(0.5)
    low, high = prediction.quantile(tail), prediction.quantile(1 - tail)
    return middle - widened * (middle - low), middle + widened * (high - middle)


def _checked(curve: Measured, seen: NDArray[np.bool_], found: Prediction) -> HiddenPart:
    low, high = span(found)
    truth = float(curve.errors[-1])
    return {
        "size": float(curve.sizes[-1]),
        "before": float(curve.sizes[seen][-1]),
        "predicted": 1 - found.quantile(0.5),
        "interval": (1 - high, 1 - low),
        "found": 1 - truth,
        "held": bool(low <= truth <= high),
    }
