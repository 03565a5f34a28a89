"""Functions run in threads: on many items, in order and with bounded memory, or side by side.

Pillow and hashlib release the interpreter lock while they work, so threads read images as fast as
processes would, and need nothing pickled.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 16  # items in flight per worker


def chosen_workers(workers: int | None) -> int:
    """Return ``workers``, or if it is None the number of processors this process may use."""
    if workers is not None:
        return workers
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int = AHEAD
) -> Iterator[Result]:
    """Yield ``function`` of each item, in the order of ``items``; 0 workers stay in this thread.

    At most ``ahead`` items per worker are under way, however slowly the results are taken.
    """
    if workers == 0:
        yield from map(function, items)
        return
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[Result]] = deque(
            pool.submit(function, item) for item in islice(remaining, workers * ahead)
        )
        try:
            while pending:
                result = pending.popleft().result()
                for item in islice(remaining, 1):
                    pending.append(pool.submit(function, item))
                yield result
        finally:
            # Left early (an error, Ctrl-C): what has not begun is not worth waiting for.
            for future in pending:
                future.cancel()


@contextmanager
def beside(work: Callable[[], None] | None) -> Iterator[None]:
    """Run ``work`` in a thread of its own during the block; what it raises is raised at the end."""
    if work is None:
        yield
        return
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield
        done.result()
