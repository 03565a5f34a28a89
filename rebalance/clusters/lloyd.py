"""Lloyd's k-means in any number of dimensions: all starts together, as products of matrices.

Points of the plane have compiled loops in ``kernels``. Imports numpy and nothing heavier.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
Labels = NDArray[np.intp]

ITERATIONS = 300
BLOCK_VALUES = 1 << 20  # distances held at once: 8 MB


def cluster(
    points: Float64s, k: int, chances: Float64s, tolerance: float
) -> tuple[Labels, Float64s]:
    """Return the labels [N] and centres [k, D] of the start with the least scatter.

    points: [N, D], k of them different. chances: numbers from 0 to 1 [starts, k, trials], see
    ``greedy_starts``. tolerance: the summed squared step of the centres at which one start ends.
    """
    centres = greedy_starts(points, k, chances)
    before = np.full((len(centres), len(points)), -1, np.intp)
    moving = np.arange(len(centres))
    for _ in range(ITERATIONS):
        labels, gaps, sums = assigned(points, centres[moving])
        means = _means(points, labels, gaps, sums)
        steps = np.square(means - centres[moving]).sum(axis=(1, 2))
        same = (labels == before[moving]).all(axis=1)
        centres[moving], before[moving] = means, labels
        moving = moving[~same & (steps > tolerance)]
        if not len(moving):
            break
    labels, gaps, _ = assigned(points, centres)
    best = int(gaps.sum(axis=1).argmin())
    return labels[best], centres[best]


def greedy_starts(points: Float64s, k: int, chances: Float64s) -> Float64s:
    """Choose centres [starts, k, D] among the points: k-means++ (Arthur & Vassilvitskii 2007).

    The first is drawn evenly, each other with a probability that grows with the squared distance to
    the nearest one drawn. Of as many candidates as there are trials the one is taken that leaves
    the least scatter, as in scikit-learn. chances: what they are drawn by [starts, k, trials].
    """
    return np.stack([_greedy_start(points, k, each) for each in chances])


def _greedy_start(points: Float64s, k: int, chances: Float64s) -> Float64s:
    drawn = [min(int(chances[0, 0] * len(points)), len(points) - 1)]
    gaps = np.square(points - points[drawn[0]]).sum(axis=1)
    for turn in range(1, k):
        running = np.cumsum(gaps)
        candidates = np.searchsorted(running, chances[turn] * running[-1], side="right")
        candidates = np.minimum(candidates, len(points) - 1)
        left = [np.minimum(gaps, np.square(points - points[i]).sum(axis=1)) for i in candidates]
        best = int(np.argmin([each.sum() for each in left]))
        drawn.append(int(candidates[best]))
        gaps = left[best]
    return points[drawn]


def assigned(points: Float64s, centres: Float64s) -> tuple[NDArray[np.intp], Float64s, Float64s]:
    """Assign each point to the nearest of each start's centres [starts, k, D] (tie: the first).

    Also the squared distances to them [starts, N], and the summed points of each centre with, in
    the last column, how many they are [starts, k, D + 1].
    """
    starts, k, columns = centres.shape
    flat = centres.reshape(-1, columns)
    lengths = np.square(flat).sum(axis=1)
    labels = np.empty((starts, len(points)), np.intp)
    gaps = np.empty((starts, len(points)))
    sums = np.zeros((starts * k, columns + 1))
    step = max(1, BLOCK_VALUES // len(flat))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        block = points[rows]
        values = (lengths - 2 * (block @ flat.T)).reshape(len(block), starts, k)
        nearest = values.argmin(axis=2, keepdims=True)
        least = np.take_along_axis(values, nearest, axis=2)[:, :, 0]
        labels[:, rows] = nearest[:, :, 0].T
        gaps[:, rows] = np.maximum(least + np.square(block).sum(axis=1, keepdims=True), 0).T
        values[:] = 0
        np.put_along_axis(values, nearest, 1.0, axis=2)
        inside = values.reshape(len(block), -1)
        sums[:, :-1] += inside.T @ block
        sums[:, -1] += inside.sum(axis=0)
    return labels, gaps, sums.reshape(starts, k, columns + 1)


def _means(points: Float64s, labels: NDArray[Any], gaps: Float64s, sums: Float64s) -> Float64s:
    """Move the centres [starts, k, D] to the means of their points.

    One without points moves to the point farthest from its own centre, which leaves that centre;
    the second such to the next farthest, and so on, as in scikit-learn.
    """
    for start, empty in zip(*np.nonzero(sums[:, :, -1] == 0), strict=True):
        farthest = int(gaps[start].argmax())
        if gaps[start, farthest] == 0:
            continue
        gaps[start, farthest] = 0
        one = np.append(points[farthest], 1.0)
        sums[start, labels[start, farthest]] -= one
        sums[start, empty] = one
    means: Float64s = sums[:, :, :-1] / np.maximum(sums[:, :, -1:], 1)
    return means
