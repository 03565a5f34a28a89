"""Which samples of a cluster to keep, by their distance to its centre (Lehmann & Ebner 2022).

A new picker is a function here and its line in ``PICKERS``. Imports numpy and nothing heavier; may
not import torch or click.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

OUTLIER_PERCENTILE = 80


class Picker(Protocol):
    """Positions of the ``count`` samples to keep of a cluster, in the order they were picked.

    distances: to the cluster's centre [n], in the order of the sorted file list; not modified.
    rng: for pickers that draw. ValueError unless 0 <= count <= n.
    """

    def __call__(
        self, distances: NDArray[np.floating[Any]], count: int, rng: np.random.Generator
    ) -> NDArray[np.intp]: ...


def closest(
    distances: NDArray[np.floating[Any]], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The nearest first (tie: the earlier position).

    >>> import numpy as np
    >>> from rebalance.undersampling import PICKERS
    >>> rng = np.random.default_rng(0)
    >>> PICKERS["closest"](np.array([0.5, 0.1, 9.0, 0.3, 0.2]), 2, rng).tolist()
    [1, 4]
    """
    _check(count, len(distances))
    return np.argsort(distances, kind="stable")[:count]


def farthest(
    distances: NDArray[np.floating[Any]], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The farthest first among those within the 80th percentile (tie: the earlier position).

    Beyond it lie outliers; where more samples are wanted than lie within, the nearest of the
    outliers fill up. The percentile is interpolated linearly.

    >>> import numpy as np
    >>> from rebalance.undersampling import PICKERS
    >>> rng = np.random.default_rng(0)
    >>> PICKERS["farthest"](np.array([0.5, 0.1, 9.0, 0.3, 0.2]), 2, rng).tolist()
    [0, 3]
    """
    _check(count, len(distances))
    if not len(distances):
        return np.zeros(0, np.intp)
    inside = distances <= np.percentile(distances, OUTLIER_PERCENTILE)
    falling = np.argsort(-distances, kind="stable")
    rising = np.argsort(distances, kind="stable")
    return np.concatenate((falling[inside[falling]], rising[~inside[rising]]))[:count]


def random(
    distances: NDArray[np.floating[Any]], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Drawn without replacement, whatever the distances.

    >>> import numpy as np
    >>> from rebalance.undersampling import PICKERS
    >>> rng = np.random.default_rng(0)
    >>> PICKERS["random"](np.array([0.5, 0.1, 9.0, 0.3, 0.2]), 2, rng).tolist()
    [2, 4]
    """
    _check(count, len(distances))
    return rng.permutation(len(distances))[:count]


PICKERS: dict[str, Picker] = {
    picker.__name__: picker
    for picker in (
        closest,
        farthest,
        random,
    )
}


def pick_per_cluster(
    labels: NDArray[np.integer[Any]],
    distances: NDArray[np.floating[Any]],
    quotas: Sequence[int],
    picker: Picker,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """The samples of a class to keep, as rising positions: ``quotas[c]`` of each cluster c.

    labels, distances: the cluster [N] of each sample and how far it lies from its centre [N].
    ValueError for a quota that is negative or larger than its cluster.

    >>> import numpy as np
    >>> from rebalance.undersampling import PICKERS, pick_per_cluster
    >>> labels, distances = np.array([0, 0, 0, 1, 1]), np.array([0.3, 0.1, 0.2, 0.5, 0.4])
    >>> rng = np.random.default_rng(0)
    >>> pick_per_cluster(labels, distances, [2, 1], PICKERS["closest"], rng).tolist()
    [1, 2, 4]
    """
    members = [np.flatnonzero(labels == cluster) for cluster in range(len(quotas))]
    picked = [
        positions[picker(distances[positions], quota, rng)]
        for positions, quota in zip(members, quotas, strict=True)
    ]
    return np.sort(np.concatenate([np.zeros(0, np.intp), *picked]))


def _check(count: int, available: int) -> None:
    if not 0 <= count <= available:
        raise ValueError(f"from 0 to {available} samples can be picked, but {count} were asked for")
