"""The layout of a fuzzy graph by gradient descent in parallel, the same for any number of threads.

The vertices are dealt into blocks, and the edges into rounds of tasks: the tasks of a round touch
different blocks, so each moves both ends of its edges in place (stratified as in Gemulla et al.
2011). What a vertex is pushed away from is read from a copy made at the start of the epoch. Random
numbers are a hash of the seed, the epoch, the edge and the draw.

Loading this module loads numba, so it is imported where a layout is needed. May not import torch,
scikit-learn, umap or click.
"""

from functools import partial
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rebalance.clusters.kernels import REORDERED
from rebalance.numerics.compiled import compiled
from rebalance.numerics.products import Threads

Points = NDArray[np.float32]
Integers = NDArray[np.integer[Any]]

BLOCKS = 16  # part of the result: another number is another order of the edges
NEGATIVES = 5  # vertices pushed away from, for each pull along an edge
CLIP = 4.0  # longest step along an axis
TOUCHING = 1e-3  # added to squared distances, so that vertices on one spot can part
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # steps and multipliers of splitmix64 (Steele et al. 2014)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

# log2(1 + x) and 2 ** x for x from 0 to 1, interpolated at Chebyshev's nodes.
LOGARITHM = tuple(
    map(np.float32, (1.6514671e-5, 1.4414925, -0.70648645, 0.4094703, -0.1874886, 0.04300496))
)
EXPONENTIAL = tuple(map(np.float32, (1.0000035, 0.69297292, 0.24160436, 0.051745, 0.01367031, 0.0)))


def rounds_of(blocks: int) -> list[list[tuple[int, int]]]:
    """List all pairs of ``blocks`` (an even number), in rounds of pairs that share no block.

    A tournament in which everyone meets everyone once; in the last two rounds each half of the
    blocks meets itself.
    """
    ring = list(range(blocks))
    rounds = []
    for _ in range(blocks - 1):
        pairs = zip(ring[: blocks // 2], reversed(ring), strict=False)
        rounds.append([(min(pair), max(pair)) for pair in pairs])
        ring = [ring[0], ring[-1], *ring[1:-1]]
    half = blocks // 2
    alone = [(block, block) for block in range(blocks)]
    return [*rounds, alone[:half], alone[half:]]


@njit(inline="always")
def mixed(word: Any) -> Any:
    """Mix a word into 64 bits that depend on all 64 of its own (the finaliser of splitmix64)."""
    word = (word ^ (word >> np.uint64(30))) * MIX_1
    word = (word ^ (word >> np.uint64(27))) * MIX_2
    return word ^ (word >> np.uint64(31))


@njit(inline="always")
def polynomial(x: Any, coefficients: Any) -> Any:
    """Return the six coefficients of the approximation in ``power``, the constant one first."""
    c0, c1, c2, c3, c4, c5 = coefficients
    return c0 + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * c5))))


@njit(inline="always")
def power(base: Any, exponent: Any) -> Any:
    """Compute ``base ** exponent`` in float32, for a normal positive base, to 1 part in 30,000."""
    bits = np.float32(base).view(np.int32)
    fraction = np.int32((bits & 0x7FFFFF) | 0x3F800000).view(np.float32) - np.float32(1)
    whole = np.float32(np.int32(bits >> np.int32(23))) - np.float32(127)
    product = exponent * (whole + polynomial(fraction, LOGARITHM))
    # Above 0, so that cutting off rounds down: the exponent of a float32 has 127 added to it.
    shifted = min(max(product, np.float32(-120)), np.float32(120)) + np.float32(127)
    shift = np.int32(shifted)
    scale = np.int32(shift << np.int32(23)).view(np.float32)
    return scale * polynomial(shifted - np.float32(shift), EXPONENTIAL)


@njit(inline="always")
def clipped(step: Any, limit: Any) -> Any:
    """Limit the step along one axis to ``limit``, in either direction."""
    return min(max(step, -limit), limit)


def descend(
    places: Points,
    heads: Integers,
    tails: Integers,
    periods: Points,
    tasks: NDArray[np.int64],
    curve: tuple[float, float],
    epochs: int,
    seed: int,
    team: Threads | None,
) -> None:
    """Move ``places`` [N, 2] along the gradient of UMAP's cross entropy, ``epochs`` times.

    heads, tails [E]: the ends of the edges, ordered by task. periods [E]: epochs from one pull
    along an edge to its next. tasks [rounds, tasks, 2]: the first edge of each task and the one
    after its last. curve: a and b of 1 / (1 + a d^2b), the memberships in the plane. team: threads
    that share the tasks of a round; None does everything in this one, with the same result.
    """
    a, b = map(np.float32, curve)
    before, due = np.empty_like(places), periods.copy()

    def pull(epoch: int, some: NDArray[np.int64]) -> None:
        pull_along(places, before, heads, tails, periods, due, some, a, b, epoch, epochs, seed)

    for epoch in range(epochs):
        before[:] = places
        if team is None:
            pull(epoch, tasks.reshape(-1, 2))
            continue
        for of_round in tasks:
            team.each(partial(pull, epoch), np.array_split(of_round, team.workers))


# As numpy divides: Python's check for 0 is a branch at each division.
@compiled(fastmath=REORDERED, error_model="numpy")
def pull_along(
    places: Points,
    before: Points,
    heads: Integers,
    tails: Integers,
    periods: Points,
    due: Points,
    tasks: NDArray[np.int64],
    a: np.float32,
    b: np.float32,
    epoch: int,
    epochs: int,
    seed: int,
) -> None:
    """Move the ends of the edges of some tasks [n, 2], one after the other, when they are due.

    before: the places at the start of the epoch. due [E]: when the next pull is; changed.
    """
    samples = np.uint64(len(places))
    rate = np.float32(1) - np.float32(epoch) / np.float32(epochs)
    limit = np.float32(CLIP) * rate
    pull, push = np.float32(-2) * b * rate, np.float32(2) * b * rate
    stream = mixed(mixed(np.uint64(seed) * GOLDEN) + np.uint64(epoch) * GOLDEN)
    for task in range(len(tasks)):
        for edge in range(tasks[task, 0], tasks[task, 1]):
            if due[edge] > epoch:
                continue
            due[edge] += periods[edge]
            head, tail = heads[edge], tails[edge]
            x, y = places[head, 0], places[head, 1]
            right, up = x - places[tail, 0], y - places[tail, 1]
            square = right * right + up * up
            if square > np.float32(1e-12):
                curve = a * power(square, b)
                slope = pull * curve / (square * (curve + np.float32(1)))
                step_x, step_y = clipped(slope * right, limit), clipped(slope * up, limit)
                x += step_x
                y += step_y
                places[tail, 0] -= step_x
                places[tail, 1] -= step_y
            away_x, away_y = np.float32(0), np.float32(0)
            for draw in range(NEGATIVES):
                word = mixed(stream + (np.uint64(edge) * np.uint64(8) + np.uint64(draw)) * GOLDEN)
                other = np.int64(((word >> np.uint64(32)) * samples) >> np.uint64(32))
                if other == head:
                    continue
                right, up = x - before[other, 0], y - before[other, 1]
                square = max(right * right + up * up, np.float32(1e-12))
                slope = push / (
                    (np.float32(TOUCHING) + square) * (a * power(square, b) + np.float32(1))
                )
                away_x += clipped(slope * right, limit)
                away_y += clipped(slope * up, limit)
            places[head, 0] = x + away_x
            places[head, 1] = y + away_y
