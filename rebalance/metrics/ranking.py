"""Images ranked by the probability of one class: its ROC and precision-recall curve, and areas.

Imports numpy and nothing heavier; may not import torch or click.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """How many images of a class, and of others, reach each distinct probability, from the top.

    found: images of the class [T], rising to all of them. others: images of other classes [T].
    Images with one probability come at once, so that their order decides nothing.
    """

    found: Counts
    others: Counts

    @classmethod
    def of(cls, probabilities: Floats, positive: NDArray[np.bool_]) -> "Ranking":
        """Rank images by the probability [N] of a class; positive: whether each is of it [N]."""
        falling = np.argsort(-probabilities)
        ends_of_ties = np.flatnonzero(np.diff(probabilities[falling], append=-1))
        found = np.cumsum(positive[falling], dtype=np.intp)[ends_of_ties]
        return cls(found, ends_of_ties + 1 - found)

    @property
    def roc_auc(self) -> float:
        """The area under the ROC curve, a tie counting one half; NaN without images of others."""
        if not self.others[-1] or not self.found[-1]:
            return float("nan")
        # Twice the area in whole numbers, so that only the last division rounds.
        heights = self.found + np.append(0, self.found[:-1])
        doubled = int(np.dot(heights, np.diff(self.others, prepend=0)))
        return doubled / (2 * int(self.found[-1]) * int(self.others[-1]))

    @property
    def average_precision(self) -> float:
        """Σ (R_i − R_(i−1)) · P_i, without interpolation; NaN without images of the class."""
        if not self.found[-1]:
            return float("nan")
        precision = self.found / (self.found + self.others)
        return float(np.dot(np.diff(self.found, prepend=0), precision) / self.found[-1])

    @property
    def roc_curve(self) -> tuple[Floats, Floats]:
        """False positive rates and true positive rates, from (0, 0) to (1, 1); [T + 1] each."""
        rates = (np.append(0, counts) / counts[-1] for counts in (self.others, self.found))
        false, true = rates
        return false, true

    @property
    def precision_recall_curve(self) -> tuple[Floats, Floats]:
        """Recalls and precisions, from recall 0 at precision 1; [T + 1] each."""
        recall = np.append(0, self.found) / self.found[-1]
        return recall, np.append(1, self.found / (self.found + self.others))
