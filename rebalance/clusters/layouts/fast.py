"""UMAP's 2-D layout in parallel, the same for a seed whatever the number of threads.

The method and its constants are those of McInnes, Healy & Melville (2018): exact neighbours, their
fuzzy graph, a spectral start, and the descent of ``descent``. umap-learn's own code is behind
``umap_learn``, to compare with. Imports numpy; scipy and numba are imported when they are needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters.layouts.graph import fuzzy_graph
from rebalance.clusters.layouts.start import MIN_SAMPLES, NEIGHBORS, spectral_start
from rebalance.neighbours import nearest
from rebalance.numerics.products import Threads, threads

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Of the curve 1 / (1 + a d^2b) nearest to exp(-(d - 0.1)) beyond a distance of 0.1, as umap-learn
# fits it for its default minimum distance and spread.
CURVE = (1.5769434, 0.8950608)
EPOCHS, EPOCHS_OF_MANY = 500, 200
MANY = 10_000  # samples
ALONE = 20_000  # samples below which one thread is enough: it needs a second or two
EXTENT = 10.0  # of the start, along both axes


def fast_layout(components: NDArray[np.floating[Any]], seed: int) -> NDArray[np.float32]:
    """Lay out samples whose principal components are ``components`` [N, d] in the plane [N, 2].

    15 neighbours with the sample itself (N where there are fewer). ValueError below 4 samples.

    >>> import numpy as np
    >>> from rebalance.clusters import LAYOUTS
    >>> components = np.random.default_rng(0).normal(size=(40, 5))
    >>> LAYOUTS["fast"](components, 0).shape
    (40, 2)
    """
    if len(components) < MIN_SAMPLES:
        raise ValueError(f"a layout needs {MIN_SAMPLES} samples, but there are {len(components)}")
    graph = fuzzy_graph(nearest(components, min(NEIGHBORS, len(components)) - 1))
    start = spectral_start(graph, seed)
    low, high = start.min(axis=0), start.max(axis=0)
    start = EXTENT * (start - low) / np.where(high > low, high - low, 1)
    return _descended(graph, start, seed)


def _descended(graph: "csr_matrix", start: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    from rebalance.clusters.layouts.descent import BLOCKS, descend, rounds_of

    samples = len(start)
    epochs = EPOCHS if samples <= MANY else EPOCHS_OF_MANY
    rng = seeds.generator(seed, "descent")
    # Blocks are drawn, so that the edges spread evenly over the tasks.
    order = rng.permutation(samples)
    place = np.empty(samples, np.int64)
    place[order] = np.arange(samples)
    edges = graph.tocoo()
    strong = edges.data >= edges.data.max() / epochs  # others would not be pulled along once
    heads, tails, weights = place[edges.row[strong]], place[edges.col[strong]], edges.data[strong]
    first, second = heads * BLOCKS // samples, tails * BLOCKS // samples
    pair = np.minimum(first, second) * BLOCKS + np.maximum(first, second)
    shuffled = rng.permutation(len(heads))
    shuffled = shuffled[np.argsort(pair[shuffled], kind="stable")]
    periods = (weights.max() / weights[shuffled]).astype(np.float32)
    keys = np.array([[low * BLOCKS + high for low, high in pairs] for pairs in rounds_of(BLOCKS)])
    tasks = np.stack([np.searchsorted(pair[shuffled], keys + end) for end in (0, 1)], axis=-1)
    places = np.ascontiguousarray(start[order], dtype=np.float32)
    with _team(samples) as team:
        descend(
            places,
            heads[shuffled].astype(np.int32),
            tails[shuffled].astype(np.int32),
            periods,
            tasks,
            CURVE,
            epochs,
            seeds.integer(seed, "negatives"),
            team,
        )
    return places[place]


@contextmanager
def _team(samples: int) -> "Iterator[Threads | None]":
    """Start threads, but none where there are few samples; the layout is the same.

    Threads wait for each other thousands of times. On a machine that is busy with something else
    each wait may last until the scheduler lets the last of them run, ten times as long as the work.
    """
    if samples < ALONE:
        yield None
    else:
        with threads() as team:
            yield team if team.workers > 1 else None
