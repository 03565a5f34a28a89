"""Loops over points of the plane, compiled by numba and kept for later processes.

Loading this module loads numba, so it is imported where a loop is needed. Loops run in the thread
that calls them, and let go of Python's lock: callers share them out, so that what a point sums up,
one thread sums up in one order. May not import torch, scikit-learn or click.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rebalance.numerics.compiled import compiled

Floats = NDArray[np.floating[Any]]

# What a sum in vector registers needs; NaN and infinities keep their meaning.
REORDERED = {"nsz", "reassoc", "contract", "arcp", "afn"}
RUN = 4096  # points looked at together, so that they stay in the nearest cache
TOGETHER = 64  # points whose distances are summed up side by side, in vector registers
FEW = 256  # distances added up before they join the float64 total


@njit(inline="always")
def _square(right: Any, up: Any) -> Any:
    return right * right + up * up


@compiled(fastmath={"contract"})
def summed_distances(
    x: Floats, y: Floats, starts: NDArray[np.intp], at: NDArray[np.intp], sums: NDArray[np.float64]
) -> None:
    """Add up, for each of the points at the positions ``at`` [m], its distances to each group.

    x, y: the points [N], group by group; group g is at starts[g] to starts[g + 1]. sums: filled in,
    [m, groups]. Distances are computed in the precision of the points.
    """
    here_x, here_y = np.empty(TOGETHER, x.dtype), np.empty(TOGETHER, x.dtype)
    part, total = np.empty(TOGETHER, x.dtype), np.empty(TOGETHER)
    for first in range(0, len(at), TOGETHER):
        count = min(TOGETHER, len(at) - first)
        for i in range(TOGETHER):  # beyond the last point the last again, which is not kept
            place = at[first + min(i, count - 1)]
            here_x[i], here_y[i] = x[place], y[place]
        for group in range(len(starts) - 1):
            total[:] = 0
            for low in range(starts[group], starts[group + 1], FEW):
                high = min(low + FEW, starts[group + 1])
                # Slices, since a position that may count from the end is no vector's.
                some_x, some_y = x[low:high], y[low:high]
                part[:] = 0
                for other in range(len(some_x)):
                    other_x, other_y = some_x[other], some_y[other]
                    for i in range(TOGETHER):
                        part[i] += np.sqrt(_square(other_x - here_x[i], other_y - here_y[i]))
                for i in range(TOGETHER):
                    total[i] += part[i]
            for i in range(count):
                sums[first + i, group] = total[i]


@njit(fastmath=REORDERED)
def _greedy_start(x: Floats, y: Floats, chances: Floats, centres: Floats, gaps: Floats) -> None:
    """Choose the centres of one start as ``lloyd.greedy_starts`` does.

    gaps: room for N distances.
    """
    drawn = min(int(chances[0, 0] * len(x)), len(x) - 1)
    total = np.inf
    gaps[:] = np.inf
    for turn in range(len(centres)):
        if turn > 0:
            drawn = _candidate(x, y, chances[turn], gaps, total)
        here_x, here_y = x[drawn], y[drawn]
        centres[turn, 0], centres[turn, 1] = here_x, here_y
        total = 0.0
        for i in range(len(x)):
            gaps[i] = min(gaps[i], _square(x[i] - here_x, y[i] - here_y))
            total += gaps[i]


@njit(fastmath=REORDERED)
def _candidate(x: Floats, y: Floats, chances: Floats, gaps: Floats, total: float) -> int:
    """Choose among the points drawn by ``chances`` [trials] the one that leaves least scatter."""
    best, least = 0, np.inf
    for trial in range(len(chances)):
        wanted, running, drawn = chances[trial] * total, 0.0, len(x) - 1
        for i in range(len(x)):
            running += gaps[i]
            if running > wanted:
                drawn = i
                break
        here_x, here_y, left = x[drawn], y[drawn], 0.0
        for i in range(len(x)):
            left += min(gaps[i], _square(x[i] - here_x, y[i] - here_y))
        if left < least:
            best, least = drawn, left
    return best


@njit(fastmath=REORDERED)
def _assign(
    x: Floats, y: Floats, centres: Floats, labels: NDArray[Any], gaps: Floats, sums: Floats
) -> bool:
    """Give each point its nearest centre, sum up the points of each, and tell if none changed."""
    nearest, same = np.empty(RUN, np.int64), True
    sums[:] = 0
    for low in range(0, len(x), RUN):
        size = min(RUN, len(x) - low)
        near = gaps[low : low + size]
        right, up = x[low : low + size], y[low : low + size]
        near[:] = np.inf
        for centre in range(len(centres)):
            here_x, here_y = centres[centre, 0], centres[centre, 1]
            for i in range(size):
                square = _square(right[i] - here_x, up[i] - here_y)
                nearest[i] = centre if square < near[i] else nearest[i]
                near[i] = min(near[i], square)
        for i in range(size):
            centre = nearest[i]
            sums[centre, 0] += right[i]
            sums[centre, 1] += up[i]
            sums[centre, 2] += 1
            same &= labels[low + i] == centre
            labels[low + i] = centre
    return same


@njit(fastmath=REORDERED)
def _move(
    x: Floats, y: Floats, centres: Floats, labels: NDArray[Any], gaps: Floats, sums: Floats
) -> float:
    """Move the centres to the means as ``lloyd`` does; return the summed squared steps."""
    for centre in range(len(centres)):
        farthest = np.argmax(gaps) if sums[centre, 2] == 0 else 0
        if sums[centre, 2] == 0 and gaps[farthest] > 0:
            gaps[farthest] = 0
            for place, part in ((0, x[farthest]), (1, y[farthest]), (2, 1.0)):
                sums[labels[farthest], place] -= part
                sums[centre, place] = part
    moved = 0.0
    for centre in range(len(centres)):
        for axis in range(2):
            mean = sums[centre, axis] / max(sums[centre, 2], 1.0)
            moved += (mean - centres[centre, axis]) ** 2
            centres[centre, axis] = mean
    return moved


@compiled(fastmath=REORDERED)
def cluster_plane(
    x: Floats,
    y: Floats,
    chances: Floats,
    tolerance: float,
    iterations: int,
    labels: NDArray[Any],
    centres: Floats,
) -> float:
    """Run one start of ``lloyd.cluster`` for points of the plane [N]; return its scatter.

    chances: [k, trials]. Fills in labels [N], at first -1, and centres [k, 2].
    """
    gaps, sums = np.empty(len(x)), np.empty((len(centres), 3))
    _greedy_start(x, y, chances, centres, gaps)
    for _ in range(iterations):
        same = _assign(x, y, centres, labels, gaps, sums)
        moved = _move(x, y, centres, labels, gaps, sums)
        if same or moved <= tolerance:
            break
    _assign(x, y, centres, labels, gaps, sums)
    return float(gaps.sum())
