"""The nearest samples of points that are none of them: of new images, among those of a table.

Imports numpy and nothing heavier.
"""

import numpy as np

from rebalance.neighbours.distances import Features, Neighbours, empty
from rebalance.neighbours.exact import nearest
from rebalance.progress import Progress, silent

AT_ONCE = 256  # points searched for together, which are candidates of each other's search too


def nearest_of_others(
    features: Features,
    others: Features,
    count: int,
    *,
    device: str = "cpu",
    progress: Progress = silent,
) -> Neighbours:
    """Find the ``count`` nearest rows of ``features`` [N, D] to each row of ``others`` [M, D].

    All of them where there are fewer than ``count``. The search is exact, whatever the size, as
    that of ``nearest``, and so are device, ties and errors. Time grows with M·N·D; memory is that
    of a copy of ``features``.

    >>> import numpy as np
    >>> from rebalance.neighbours import nearest_of_others
    >>> found = nearest_of_others(np.array([[0.0], [2.0], [9.0]]), np.array([[8.0]]), 2)
    >>> found.indices.tolist(), found.distances.tolist()
    ([[2, 1]], [[1.0, 6.0]])
    """
    samples, count = len(features), min(count, len(features))
    found = empty(len(others), count)
    table = np.concatenate([features, others[:AT_ONCE]])  # its end is written over
    starts = range(0, len(others), AT_ONCE)
    for start in progress(starts, total=len(starts), what="searching neighbours", unit="blocks"):
        block = others[start : start + AT_ONCE]
        here = table[: samples + len(block)]
        here[samples:] = block
        # However near the block's points lie to each other, enough of the others are left.
        asked = count + len(block) - 1
        near = nearest(here, asked, np.arange(samples, len(here)), device=device)
        own = np.argsort(near.indices >= samples, axis=1, kind="stable")[:, :count]
        place = slice(start, start + len(block))
        found.indices[place] = np.take_along_axis(near.indices, own, axis=1)
        found.distances[place] = np.take_along_axis(near.distances, own, axis=1)
    return found
