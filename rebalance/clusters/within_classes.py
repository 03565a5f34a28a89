"""Clusters of about one size within every class, found again whenever the points have moved.

Where subclasses are wanted that mean something, ``find_subclasses`` looks for how many there are;
here a class is cut into parts of a size. May not import torch or click.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters.k_means import k_means

MOST = 20  # clusters of a class: more cost time, and no longer are its few kinds of image


class ClassClusters(NamedTuple):
    """Clusters of labelled points.

    members: the cluster [N] of each point. centres: their means [M, D]. owners: the class [M] of
    each cluster, rising.
    """

    members: NDArray[np.int64]
    centres: NDArray[np.float64]
    owners: NDArray[np.int64]


def cluster_classes(points: NDArray[Any], labels: NDArray[Any], size: int) -> ClassClusters:
    """Cut each class into clusters of about ``size`` points, by k-means.

    points: [N, D]. labels: class index [N]. A class has as many clusters as it is times as large as
    ``size``, rounded, at least one and at most ``MOST``; and no more than it has different points.

    >>> import numpy as np
    >>> from rebalance.clusters.within_classes import cluster_classes
    >>> points = np.array([[0.0], [0.2], [9.0], [9.2], [4.0]])
    >>> found = cluster_classes(points, np.array([0, 0, 0, 0, 1]), 2)
    >>> found.owners.tolist(), sorted(found.centres[:, 0].round(1).tolist())
    ([0, 0, 1], [0.1, 4.0, 9.1])
    """
    members = np.empty(len(points), np.int64)
    centres: list[NDArray[np.float64]] = []
    owners: list[int] = []
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label)
        values = np.asarray(points[own], np.float64)
        count = min(max(round(len(own) / size), 1), MOST)
        parts, means = _parts(values, count, label)
        members[own] = parts + len(owners)
        centres.append(means)
        owners += [label] * len(means)
    return ClassClusters(members, np.concatenate(centres), np.array(owners))


def _parts(values: NDArray[np.float64], count: int, label: int) -> tuple[NDArray[Any], Any]:
    """The clusters of one class, from 0 on, none of them empty."""
    if count == 1:
        return np.zeros(len(values), np.int64), values.mean(axis=0, keepdims=True)
    found, _ = k_means(values, count, seeds.integer(0, "clusters within", label), starts=1)
    kept, parts = np.unique(found, return_inverse=True)
    return parts, np.stack([values[parts == part].mean(axis=0) for part in range(len(kept))])
