"""The end of processes that were started together, when one of them fails or is lost.

Exactly one of them reports the reason. torchrun ends the remaining ones by SIGTERM as soon as it
has lost one. Imports torch only to recognise an error; never click.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rebalance.errors import PeerFailed, PeerLost

GRACE = 5.0  # seconds; torchrun ends those that wait as soon as the one that speaks has failed
FAILURES = "rebalance/failures"  # counts, in the store that the processes share, those that failed


# What ends a command as Ctrl-C does: asked to by others, and by a terminal that was closed.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ended(BaseException):
    """A signal told this process to end. number: which one."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as an exception does, so that finished work is kept.

    The first signal raises ``Ended``, later ones are ignored: whoever sends them kills what takes
    too long. One that is ignored already, as ``nohup`` has it, stays so; within another such block
    this one changes nothing. Does nothing outside of the main thread, which alone is sent signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    # None is a handler that something other than Python set.
    own = [each for each in ENDING if before[each] not in (signal.SIG_IGN, None, _end)]
    for number in own:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in own:
            signal.signal(number, before[number])


def _end(number: int, frame: object) -> NoReturn:
    ignore_end()
    raise Ended(number)


def ignore_end() -> None:
    """Ignore these signals until ``ended_in_order`` is left, so that the reason can be reported."""
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is _end:
                signal.signal(number, signal.SIG_IGN)


def to_raise(error: BaseException, first: bool) -> BaseException:
    """Choose what a process raises for ``error``: the reason, if it is the first to fail."""
    ended = isinstance(error, Ended)
    if not first:
        if not ended:
            let_another_speak()
        return PeerFailed("another process failed, and says why")
    if ended or _lost_a_peer(error):
        return PeerLost(
            "another process has ended without a word, or torchrun was told to end: see what its "
            "machine says, and run the command again (train with --resume, if its folder is there)"
        )
    return error


def fails_first(store: Any, rank: int) -> bool:
    """Tell whether no other process has failed before; to be asked only once."""
    try:
        return bool(store.add(FAILURES, 1) == 1)
    except RuntimeError:  # the store is gone with the process that held it
        return rank == 0


def _lost_a_peer(error: BaseException) -> bool:
    from torch import distributed

    if isinstance(error, distributed.DistError):
        return True
    return type(error) is RuntimeError and "gloo" in str(error).lower()


def let_another_speak() -> None:
    """Wait, so that torchrun does not end the process with the reason before it has reported it."""
    time.sleep(GRACE)
