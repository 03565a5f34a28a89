"""Products of long matrices in threads, with the same bytes for any number of threads.

BLAS cuts a product into as many parts as it has threads, and adds them up in another order for
another number. Here the parts are fixed: each is computed by one thread in a BLAS of one thread,
and what is added up is added in order. On a busy machine it is also faster, since the threads of a
BLAS wait for each other while they hold the processor. Imports numpy and nothing heavier.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rebalance.parallel import chosen_workers

Floats = NDArray[np.floating[Any]]
Item = TypeVar("Item")
Result = TypeVar("Result")

STRIP = 256  # rows of a product that are computed at a time
STRIP_VALUES = 1 << 18  # values of a strip, where its rows are short
RUN = 4096  # rows that are summed in one go
SMALL = 4096  # images of a class whose steps gain little from threads of their own

_current: "ContextVar[Threads | None]" = ContextVar("threads", default=None)
_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)  # while BLAS has but one


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute numpy's products in one thread inside the block, in the whole process.

    ``threads`` may still be as many as before; but those of a team that share out work again do it
    alone.
    """
    token = _allowed.set(_workers())
    try:
        with _controller().limit(limits=1):
            yield
    finally:
        _allowed.reset(token)


@contextmanager
def threads() -> Iterator["Threads"]:
    """Start as many threads as BLAS may use, each with a BLAS of one thread.

    Inside another ``threads`` block, the threads of that one are used.

    What such a thread works on shares nothing out again: it is a team of one to itself.
    OMP_NUM_THREADS and the like say how many BLAS may use.
    """
    if (within := _current.get()) is not None:
        yield within
        return
    workers = _workers()
    with one_blas_thread(), ThreadPoolExecutor(workers, initializer=_work_alone) as pool:
        team = Threads(pool.map if workers > 1 else map, workers)
        token = _current.set(team)
        try:
            yield team
        finally:
            _current.reset(token)


def _work_alone() -> None:
    """Let a thread of a team do alone what it would otherwise share out."""
    _current.set(Threads(map, 1))


def _workers() -> int:
    if (allowed := _allowed.get()) is not None:
        return allowed
    counts = [library["num_threads"] for library in _controller().info()]
    return min(chosen_workers(None), max(counts, default=chosen_workers(None)))


class Threads:
    """Threads that share out work whose parts do not depend on how many they are.

    workers: their number, at least 1.
    """

    def __init__(self, over: Callable[..., Iterable[Any]], workers: int) -> None:
        self._map = over
        self.workers = workers

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Call ``work`` on all items; return the results in order."""
        return list(self.ordered(work, items))

    def ordered(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield each result in order, as soon as it and those before it are there."""
        return iter(self._map(work, items))

    def multiply(self, left: Floats, right: Floats) -> Any:
        """Multiply left [n, m] @ right [m, k], some rows at a time."""
        product = np.empty((len(left), right.shape[1]), np.result_type(left, right))

        def strip(rows: slice) -> None:
            np.matmul(left[rows], right, out=product[rows])

        self.each(strip, slices(len(left), max(STRIP, STRIP_VALUES // max(1, left.shape[1]))))
        return product

    def inner(self, left: Floats, right: Floats) -> Any:
        """Compute left.T @ right of [n, m] and [n, k], summed in float64."""
        parts = self.each(lambda rows: left[rows].T @ right[rows], slices(len(left), RUN))
        total = np.zeros((left.shape[1], right.shape[1]))
        for part in parts:
            total += part
        return total

    def add_gram(self, total: NDArray[np.float64], block: Floats) -> None:
        """Add block [n, k] @ block.T to the upper triangle of total [n, n], tile by tile."""
        strips = slices(len(block), STRIP)

        def tile(pair: tuple[slice, slice]) -> None:
            rows, columns = pair
            total[rows, columns] += block[rows] @ block[columns].T

        self.each(tile, [(rows, other) for i, rows in enumerate(strips) for other in strips[i:]])


def side_by_side(
    work: Callable[[Item], Result], sizes: Mapping[Item, int], small: int = SMALL
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its ``work``: small items first, each in one thread.

    Items up to the size ``small`` count as small.

    The larger ones have all threads to themselves in turn, and so only one is in memory at a time;
    so has a small one that is alone.
    """
    few = [item for item, size in sizes.items() if size <= small]
    if len(few) == 1:
        few = []
    others = sizes.keys() - set(few)
    with threads() as team:
        yield from zip(few, team.ordered(work, few), strict=True)
        for item in sizes:
            if item in others:
                yield item, work(item)


def slices(length: int, step: int) -> list[slice]:
    """Yield slices of ``step`` that cover ``length``."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def mirror(upper: NDArray[np.float64]) -> None:
    """Make the matrix [n, n] symmetric by its upper triangle, in place."""
    for rows in slices(len(upper), STRIP):
        corner = np.triu(upper[rows, rows])
        upper[rows, rows] = corner + np.triu(corner, 1).T
        upper[rows.stop :, rows] = upper[rows, rows.stop :].T
