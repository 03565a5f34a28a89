"""Synthetic samples as recipes: a base, a partner, and how far to go from the one to the other.

Imports numpy and nothing heavier; may not import torch or click.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.oversampling.soft_labels import SoftLabels

BLOCK_VALUES = 1 << 20  # values blended at once: 8 MB in float64


@dataclass(frozen=True, eq=False)
class Added:
    """S samples to add: ``base + weight * (partner - base)``, labelled as the base but for a share.

    Or what operations make of the images of base and partner, which features know nothing of.

    base, partner: positions [S] in the table that was sampled from; classes in rising order.
    weight: how much of the partner [S], in [0, 1). A repetition has itself as partner and weight 0.
    share: how much of the label is that of the partner's class [S], in [0, 1]; None is nothing.
    operation: what makes the image of each [S], as ``data.operations`` reads it, or "" where the
    weight does; None is nowhere. made_as: the class [S] that each is labelled as; None is that of
    its base. given: which of the images given in place of recipes [S] each is; its base only tells
    its class. None is no such image.
    notes: for a class that was not treated as asked, what was done instead, and why.
    """

    base: NDArray[np.int64]
    partner: NDArray[np.int64]
    weight: NDArray[np.float64]
    notes: dict[int, str] = field(default_factory=dict)
    share: NDArray[np.float64] | None = None
    operation: tuple[str, ...] | None = None
    made_as: NDArray[np.int64] | None = None
    given: NDArray[np.int64] | None = None

    def labelled(self, labels: NDArray[np.int64]) -> SoftLabels:
        """The labels of what is added, from those [N] of the table."""
        own = labels[self.base] if self.made_as is None else self.made_as
        other = labels[self.partner]
        return SoftLabels(own, other, np.zeros(len(own)) if self.share is None else self.share)


def synthesise(features: NDArray[np.floating[Any]], added: Added) -> NDArray[np.floating[Any]]:
    """The feature vectors [S, D] that recipes over ``features`` [N, D] stand for, in their dtype.

    Computed in float64 and rounded once, so that weight 0 gives the base exactly. FeatureError for
    features that are not floating-point numbers, one row per sample.

    >>> import numpy as np
    >>> from rebalance.oversampling import Added, synthesise
    >>> features = np.array([[0.0, 0.0], [4.0, 8.0]])
    >>> synthesise(features, Added(np.array([0]), np.array([1]), np.array([0.25]))).tolist()
    [[1.0, 2.0]]
    """
    if features.ndim != 2 or not np.issubdtype(features.dtype, np.floating):
        raise FeatureError(
            "features must be floating-point numbers, one row per sample, but are "
            f"{features.dtype} of shape {features.shape}: convert them first"
        )
    values = np.empty((len(added.base), features.shape[1]), features.dtype)
    step = max(1, BLOCK_VALUES // max(1, features.shape[1]))
    for start in range(0, len(values), step):
        rows = slice(start, start + step)
        base = features[added.base[rows]].astype(np.float64)
        partner = features[added.partner[rows]].astype(np.float64)
        values[rows] = base + added.weight[rows, None] * (partner - base)
    return values
