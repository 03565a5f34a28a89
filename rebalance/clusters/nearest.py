"""A search for the few landmarks nearest to each of many samples, compiled by numba.

What is compiled is kept for later use. Loading this module loads numba, so it is imported where
there are landmarks. May not import torch, scikit-learn or click.
"""

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.compiled import compiled
from rebalance.numerics.products import slices, threads

LANDMARKS_AT_ONCE = 64  # whose coordinates stay in the fastest cache
SAMPLES_AT_ONCE = 16
SHARE = 1024  # samples that one thread looks at in one go
FAR_AWAY = np.float32(1e30)  # its square is infinite

Float32s = NDArray[np.float32]


def nearest_landmarks(
    samples: Float32s, landmarks: Float32s, count: int
) -> tuple[NDArray[np.int32], Float32s]:
    """Find the landmarks [L, d] nearest to each sample [N, d]: positions and distances.

    The nearest first, by Euclidean distance; at equal distance the smaller position. count: at most
    L. All are compared, in float32 and without cancellation; the number of threads changes no bit.
    """
    blocks = -(-len(landmarks) // LANDMARKS_AT_ONCE)
    padded = np.full((blocks * LANDMARKS_AT_ONCE, landmarks.shape[1]), FAR_AWAY)
    padded[: len(landmarks)] = landmarks
    side_by_side = padded.reshape(blocks, LANDMARKS_AT_ONCE, -1).transpose(0, 2, 1)
    positions = np.zeros((len(samples), count), np.int32)
    squares = np.full((len(samples), count), np.inf, np.float32)
    single = np.ascontiguousarray(samples, dtype=np.float32)
    side_by_side = np.ascontiguousarray(side_by_side)

    def search(rows: slice) -> None:
        _search(single[rows], side_by_side, positions[rows], squares[rows])

    with threads() as team:
        team.each(search, slices(len(samples), SHARE))
    return positions, np.sqrt(squares, out=squares)


@compiled(fastmath={"contract"})
def _search(
    samples: Float32s, landmarks: Float32s, positions: NDArray[np.int32], squares: Float32s
) -> None:
    """Fill positions and squares [N, count]; landmarks: [blocks, d, LANDMARKS_AT_ONCE]."""
    count = squares.shape[1]
    for first in range(0, len(samples), SAMPLES_AT_ONCE):
        sums = np.empty(LANDMARKS_AT_ONCE, np.float32)
        for block in range(len(landmarks)):
            for row in range(first, min(first + SAMPLES_AT_ONCE, len(samples))):
                for place in range(LANDMARKS_AT_ONCE):
                    sums[place] = np.float32(0)
                for column in range(samples.shape[1]):
                    value = samples[row, column]
                    for place in range(LANDMARKS_AT_ONCE):
                        gap = landmarks[block, column, place] - value
                        sums[place] += gap * gap
                smallest = sums[0]
                for place in range(1, LANDMARKS_AT_ONCE):
                    smallest = min(smallest, sums[place])
                if smallest >= squares[row, count - 1]:
                    continue
                for place in range(LANDMARKS_AT_ONCE):
                    square = sums[place]
                    if square < squares[row, count - 1]:
                        at = count - 1
                        while at > 0 and squares[row, at - 1] > square:
                            squares[row, at] = squares[row, at - 1]
                            positions[row, at] = positions[row, at - 1]
                            at -= 1
                        squares[row, at] = square
                        positions[row, at] = block * LANDMARKS_AT_ONCE + place
