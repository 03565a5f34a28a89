"""Loops over points of the plane, compiled by numba and kept for later processes.

Loading this module loads numba, so it is imported where a loop is needed. The results do not depend
on the number of threads: what a point sums up, one thread sums up in one order. May not import
torch, scikit-learn or click.
"""

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from rebalance.compiled import compiled

Floats = NDArray[np.floating[Any]]

# What a sum in vector registers needs; NaN and infinities keep their meaning.
REORDERED = {"nsz", "reassoc", "contract", "arcp", "afn"}
RUN = 4096  # distances added up before they join the float64 total


@compiled(parallel=True, fastmath=REORDERED)
def summed_distances(
    x: Floats, y: Floats, starts: NDArray[np.intp], at: NDArray[np.intp], sums: NDArray[np.float64]
) -> None:
    """Add up, for each of the points at the positions ``at`` [m], its distances to each group.

    x, y: the points [N], group by group; group g is at starts[g] to starts[g + 1]. sums: filled in,
    [m, groups]. Distances are computed in the precision of the points.
    """
    for row in prange(len(at)):
        here_x, here_y = x[at[row]], y[at[row]]
        for group in range(len(starts) - 1):
            total = 0.0
            low, end = starts[group], starts[group + 1]
            while low < end:
                high = min(low + RUN, end)
                part = x.dtype.type(0)
                for other in range(low, high):
                    right, up = x[other] - here_x, y[other] - here_y
                    part += np.sqrt(right * right + up * up)
                total += part
                low = high
            sums[row, group] = total
