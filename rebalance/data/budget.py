"""The memory that images may take at once while they are decoded, in all threads together.

An image of few bytes can have 179 million pixels. Imports nothing but the standard library and
``parallel``.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rebalance.parallel import chosen_workers

LEAST = 2**31  # bytes for all threads together, enough for one of all but the largest images
EACH = 2**28  # bytes for each processor: photographs of 30 megapixels on all of them


class Budget:
    """A number of bytes of which each thread takes what it needs, and waits while others have it.

    Whoever came first is served first. What needs more than there is gets all of it, alone.
    """

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._alone: AbstractContextManager[object] = nullcontext()
        self._waiting: deque[object] = deque()
        self._change = threading.Condition()
        self._own = threading.local()

    def share(self, processes: int, alone: AbstractContextManager[object]) -> None:
        """Leave the budget to ``processes`` like this one, each with its part of it.

        alone: a lock that all of them have. It is held for what needs more than such a part, so
        that no two of them work on one of the largest images at a time.
        """
        self._size = self._free = self._size // processes
        self._alone = alone

    @contextmanager
    def taking(self, size: int) -> Iterator[None]:
        """Take ``size`` bytes during the block, as soon as they are free.

        A thread that has some already gets more at once: it would wait for others that wait for it.
        """
        if getattr(self._own, "some", False):
            yield
            return
        with self._alone if size > self._size else nullcontext():
            self._take(size := min(size, self._size))
            self._own.some = True
            try:
                yield
            finally:
                self._own.some = False
                with self._change:
                    self._free += size
                    self._change.notify_all()

    def _take(self, size: int) -> None:
        ticket = object()
        with self._change:
            self._waiting.append(ticket)
            try:
                self._change.wait_for(lambda: self._waiting[0] is ticket and self._free >= size)
                self._free -= size
            finally:
                self._waiting.remove(ticket)
                self._change.notify_all()


# Memory is the process's, and so is this: whoever decodes an image, for whatever command. Where
# torchrun started several on this machine, each has its part.
_told = os.environ.get("LOCAL_WORLD_SIZE", "")
BUDGET = Budget(
    max(LEAST, EACH * chosen_workers(None)) // max(int(_told) if _told.isdigit() else 1, 1)
)
