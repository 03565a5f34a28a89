"""Which samples of a cluster to keep: typical ones all over it, or by distance to its centre.

The pickers by distance, and at random, are those of Lehmann & Ebner (2022).

A new picker is a function here and its line in ``PICKERS``. Imports numpy and nothing heavier; may
not import torch or click.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.comparison import Points
from rebalance.undersampling.coverage import typical_in_parts

OUTLIER_PERCENTILE = 80


class Picker(Protocol):
    """Positions of the ``count`` samples to keep of a cluster, in the order they were picked.

    seen: what the picker goes by, in the order of the sorted file list, not modified: the distances
    [n] to the cluster's centre, or for one of ``COMPARING`` the samples' components [n, d] in the
    space of ``numerics.comparison``. rng: for pickers that draw. ValueError unless 0 <= count <= n.
    """

    def __call__(
        self, seen: NDArray[Any], count: int, rng: np.random.Generator, /
    ) -> NDArray[np.intp]: ...


def typical(components: Points, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The most typical of the samples around each of those that cover the cluster.

    The samples that are least alike part the cluster into regions, and of each region the one
    nearest to its mean is kept (tie: the earlier): see ``coverage.typical_in_parts``. The positions
    rise.

    >>> import numpy as np
    >>> from rebalance.undersampling import PICKERS
    >>> rng = np.random.default_rng(0)
    >>> components = np.array([[0.0], [0.1], [0.2], [5.0], [5.2], [5.4]], np.float32)
    >>> PICKERS["typical"](components, 2, rng).tolist()
    [1, 4]
    """
    _check(count, len(components))
    if count in (0, len(components)):
        return np.arange(count)
    return typical_in_parts(components, count, rng)


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
        typical,
        closest,
        farthest,
        random,
    )
}
COMPARING: tuple[Picker, ...] = (typical,)  # they are given components, the others distances


def pick_per_cluster(
    labels: NDArray[np.integer[Any]],
    distances: NDArray[np.floating[Any]],
    quotas: Sequence[int],
    picker: Picker,
    rng: np.random.Generator,
    components: Points | None = None,
) -> NDArray[np.intp]:
    """The samples of a class to keep, as rising positions: ``quotas[c]`` of each cluster c.

    labels, distances: the cluster [N] of each sample and how far it lies from its centre [N].
    components: of the samples [N, d], for a picker that compares them. ValueError for
    a quota that is negative or larger than its cluster, and where such a picker has no components.

    >>> import numpy as np
    >>> from rebalance.undersampling import PICKERS, pick_per_cluster
    >>> labels, distances = np.array([0, 0, 0, 1, 1]), np.array([0.3, 0.1, 0.2, 0.5, 0.4])
    >>> rng = np.random.default_rng(0)
    >>> pick_per_cluster(labels, distances, [2, 1], PICKERS["closest"], rng).tolist()
    [1, 2, 4]
    """
    seen = components if picker in COMPARING else distances
    if seen is None:
        raise ValueError("a picker that compares samples needs their components: give them")
    members = [np.flatnonzero(labels == cluster) for cluster in range(len(quotas))]
    turns = list(zip(members, quotas, strict=True))
    if picker in COMPARING:
        # By their first samples: copies, which only fill up, may number clusters otherwise, and
        # change no draw.
        turns.sort(key=lambda turn: int(turn[0][0]) if len(turn[0]) else len(labels))
    picked = [positions[picker(seen[positions], quota, rng)] for positions, quota in turns]
    return np.sort(np.concatenate([np.zeros(0, np.intp), *picked]))


def _check(count: int, available: int) -> None:
    if not 0 <= count <= available:
        raise ValueError(f"from 0 to {available} samples can be picked, but {count} were asked for")
