"""How far the nearest neighbours of samples agree with their labels.

Works on points alone: may not import torch or click. Imports numpy and nothing heavier.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.products import slices, threads

NEIGHBOURS = 10
BLOCK_VALUES = 1 << 22  # distances held at once: 32 MB
ROUNDING = 1e-9  # of squared distances, relative to the longest sample

Points = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]
Positions = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


def agreement(
    points: Points,
    labels: Labels,
    kin: Positions | None = None,
    asked: Positions | None = None,
    *,
    count: int = NEIGHBOURS,
) -> float:
    """Compute how far the ``count`` nearest neighbours of samples share their label, by chance 0.

    points: [N, d], compared by Euclidean distance. labels: the class [N] of each. kin: samples with
    the same number [N], such as copies and those of a group, are no neighbours of each other; None
    lets each sample alone be its own kin. asked: the positions of the samples whose neighbours are
    looked at; None is all.

    For each class, a is the mean share of neighbours that are of the class of their sample, and e
    what it would be if neighbours were drawn from all that are no kin; the answer is the mean over
    classes of (a - e) / (1 - e): 1 where all neighbours agree, about 0 where features say nothing.
    A sample with fewer than ``count`` others of its class looks at so many neighbours only. Where
    several are as far away as the last neighbour, each counts in part. Classes of which no sample
    has another that is no kin are left out; NaN where that is every class, or there is one alone.

    >>> import numpy as np
    >>> from rebalance.appraisal.agreement import agreement
    >>> points = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> agreement(points, np.array([0, 0, 0, 1, 1, 1]))
    1.0
    """
    points, labels = np.asarray(points, np.float64), np.asarray(labels)
    kin = np.arange(len(labels)) if kin is None else np.asarray(kin)
    asked = np.arange(len(labels)) if asked is None else np.asarray(asked)
    step = max(1, BLOCK_VALUES // max(1, len(points)))
    with threads() as team:
        found = team.each(
            lambda rows: _shares(points, labels, kin, asked[rows], count),
            slices(len(asked), step),
        )
    shares = np.concatenate([np.empty((0, 2)), *found])
    told = ~np.isnan(shares).any(axis=1)
    by_class = [
        shares[told & (labels[asked] == label)].mean(axis=0)
        for label in np.unique(labels[asked[told]])
    ]
    corrected = [(share - chance) / (1 - chance) for share, chance in by_class if chance < 1]
    return float(np.mean(corrected)) if corrected else float("nan")


def _shares(points: Points, labels: Labels, kin: Positions, rows: Positions, count: int) -> Floats:
    """The share of neighbours of the own class, and that of chance [n, 2]; NaN without any."""
    lengths = np.square(points).sum(axis=1)
    distances = lengths[rows, None] + lengths - 2 * points[rows] @ points.T
    slack = ROUNDING * max(float(lengths.max()), np.finfo(float).tiny)
    others = kin[rows, None] != kin
    distances[~others] = np.inf
    own = labels[rows, None] == labels
    mates, rest = (own & others).sum(axis=1), others.sum(axis=1)
    seen = np.minimum(count, mates)
    most = max(1, min(count, len(points)))
    nearest = np.sort(np.partition(distances, most - 1, axis=1)[:, :most], axis=1)
    last = nearest[np.arange(len(rows)), np.maximum(seen, 1) - 1][:, None]
    within = distances < last - slack
    tied = (distances <= last + slack) & ~within & others
    with np.errstate(invalid="ignore", divide="ignore"):
        of_ties = (tied & own).sum(axis=1) / tied.sum(axis=1)
        agreeing = (within & own).sum(axis=1) + (seen - within.sum(axis=1)) * of_ties
        return np.stack([agreeing / seen, mates / rest], axis=1)
