"""The memory that images may take at once while they are decoded, in all threads together.

An image of few bytes can have 179 million pixels. Imports nothing but the standard library and
``parallel``.
"""

import os
import threading
from collections import deque
from contextlib import AbstractContextManager, ExitStack, nullcontext

from rebalance.parallel import chosen_workers

LEAST = 2**31  # bytes for all threads together, enough for one of all but the largest images
EACH = 2**28  # bytes for each processor: photographs of 30 megapixels on all of them


class _Own(threading.local):
    some = False  # whether the thread has taken any
    alone: ExitStack | None = None  # what it holds for one of the largest images


class Budget:
    """A number of bytes of which each thread takes what it needs, and waits while others have it.

    Whoever came first is served first. What needs more than there is gets all of it, alone.
    """

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._alone: AbstractContextManager[object] = nullcontext()
        self._waiting: deque[object] = deque()
        self._lock = threading.Lock()
        self._change = threading.Condition(self._lock)
        self._own = _Own()

    def share(self, processes: int, alone: AbstractContextManager[object]) -> None:
        """Leave the budget to ``processes`` like this one, each with its part of it.

        alone: a lock that all of them have. It is held for what needs more than such a part, so
        that no two of them work on one of the largest images at a time.
        """
        self._size = self._free = self._size // processes
        self._alone = alone

    def take(self, size: int) -> int | None:
        """Take ``size`` bytes as soon as they are free; return how many are to be given back.

        A thread that has some already gets more at once, and gives None back: it would wait for
        others that wait for it.
        """
        own = self._own
        if own.some:
            return None
        if size > self._size:
            size = self._size
            with ExitStack() as held:
                held.enter_context(self._alone)
                self._wait_for(size)
                own.alone = held.pop_all()
        else:
            self._wait_for(size)
        own.some = True
        return size

    def give(self, size: int) -> None:
        """Give back what the thread took."""
        own = self._own
        own.some = False
        with self._lock:
            self._free += size
            if self._waiting:
                self._change.notify_all()
        if own.alone is not None:
            held, own.alone = own.alone, None
            held.close()

    def _wait_for(self, size: int) -> None:
        with self._lock:
            if not self._waiting and self._free >= size:
                self._free -= size
                return
            ticket = object()
            self._waiting.append(ticket)
            try:
                self._change.wait_for(lambda: self._waiting[0] is ticket and self._free >= size)
                self._free -= size
            finally:
                self._waiting.remove(ticket)
                self._change.notify_all()


class Portion:
    """What a thread has of a budget until a block ends: nothing, as long as it takes nothing."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken: int | None = None

    def take(self, size: int) -> "Portion":
        """Take ``size`` bytes, once, as soon as they are free; return itself."""
        if self._taken is None:
            self._taken = self._budget.take(size)
        return self

    def __enter__(self) -> "Portion":
        return self

    def __exit__(self, *_: object) -> None:
        if self._taken is not None:
            self._budget.give(self._taken)
            self._taken = None


# Memory is the process's, and so is this: whoever decodes an image, for whatever command. Where
# torchrun started several on this machine, each has its part.
_told = os.environ.get("LOCAL_WORLD_SIZE", "")
BUDGET = Budget(
    max(LEAST, EACH * chosen_workers(None)) // max(int(_told) if _told.isdigit() else 1, 1)
)
