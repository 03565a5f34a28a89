"""Landmarks of a large class: some samples that are mapped and clustered, and that others join.

May not import torch or click; numba is imported where there are landmarks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.settings import LANDMARKS, LANDMARKS_ABOVE

NEIGHBOURS = 10  # landmarks that place a sample: see docs/speed.md, large classes
BLOCK = 65536  # samples placed at a time

Floats = NDArray[np.floating[Any]]
Numbers = NDArray[np.intp]


def drawn_landmarks(samples: int, wanted: str, seed: int) -> Numbers | None:
    """Draw the positions of the landmarks, rising; None where all samples are to be used.

    wanted: ``none``, a number, or ``auto``: 20,000 for more than 100,000 samples. A class with no
    more samples than that number has no landmarks. Drawn without replacement.
    """
    if wanted == "none" or (wanted == "auto" and samples <= LANDMARKS_ABOVE):
        return None
    count = LANDMARKS if wanted == "auto" else int(wanted)
    if count >= samples:
        return None
    rng = seeds.generator(seed, "landmarks")
    return np.sort(rng.choice(samples, count, replace=False))


def placed_by_landmarks(
    components: Floats, landmarks: Numbers, places: Floats, labels: Numbers
) -> tuple[NDArray[np.float64], Numbers]:
    """Give each sample a place [N, 2] and a cluster [N], from those of the landmarks.

    components: [N, d]. landmarks: positions [L]; places, labels: theirs, [L, 2] and [L].

    A sample looks at its 10 nearest landmarks among the components; one at distance d votes with
    weight exp(-(d - d_min) / mean of (d - d_min)), as UMAP's memberships fall. It joins the cluster
    with the largest sum (tie: the lower number), and its place is the weighted mean of the places
    of those that voted for it. That keeps it inside the cluster, where a mean of all would put what
    lies between two clusters into the void between them. Landmarks keep their places and clusters.
    """
    from rebalance.clusters.nearest import nearest_landmarks

    count = min(NEIGHBOURS, len(landmarks))
    known = np.ascontiguousarray(components[landmarks], dtype=np.float32)
    all_places = np.empty((len(components), 2))
    all_labels = np.empty(len(components), np.intp)
    for start in range(0, len(components), BLOCK):
        rows = slice(start, start + BLOCK)
        near, distances = nearest_landmarks(components[rows], known, count)
        votes = _votes(distances)
        own = labels[near]
        all_labels[rows] = won = _elected(own, votes)
        votes[own != won[:, None]] = 0
        votes /= votes.sum(axis=1, keepdims=True)
        all_places[rows] = np.einsum("nk,nkd->nd", votes, places[near])
    all_places[landmarks], all_labels[landmarks] = places, labels
    return all_places, all_labels


def nearest_centres(points: Floats, centres: NDArray[np.float64]) -> Numbers:
    """Return the cluster [N] whose centre [k, D] is nearest to each point (tie: the lower)."""
    squares = np.stack([np.square(points - centre).sum(axis=1) for centre in centres], axis=1)
    nearest: Numbers = squares.argmin(axis=1)
    return nearest


def _votes(distances: Floats) -> NDArray[np.float64]:
    """Weigh landmarks at these distances [n, count], nearest first; the nearest has weight 1."""
    beyond = (distances - distances[:, :1]).astype(np.float64)
    scale = beyond.mean(axis=1, keepdims=True)
    weights: NDArray[np.float64] = np.exp(-beyond / np.where(scale > 0, scale, 1))
    return weights


def _elected(labels: Numbers, votes: NDArray[np.float64]) -> Numbers:
    """Return the label [n] that has most votes in each row of labels [n, count]."""
    sums = np.zeros((len(labels), int(labels.max()) + 1))
    for label, vote in zip(labels.T, votes.T, strict=True):
        sums[np.arange(len(labels)), label] += vote
    most: Numbers = sums.argmax(axis=1)
    return most
