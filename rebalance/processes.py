"""The processes that torchrun starts a command in, and what they do as one.

torchrun says in the environment who is who; nothing on the command line changes. Imports torch only
where there is more than one process; never click.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from rebalance.errors import ExtractorError, PeerFailed, RebalanceError, TrainingError
from rebalance.models.devices import resolve_device
from rebalance.parallel import chosen_workers

Value = TypeVar("Value")

log = logging.getLogger("rebalance")

# The first may read a large folder for long while the others wait; torchrun itself ends all
# processes as soon as one of them has failed.
PATIENCE = timedelta(days=1)
GRACE = 5.0  # seconds; torchrun ends those that wait as soon as the one that speaks has failed
FAILURES = "rebalance/failures"  # counts, in the store that the processes share, those that failed


@dataclass(frozen=True)
class Processes:
    """This process is number ``rank`` of ``world``; the first one alone writes and speaks.

    Its methods are called by all processes, in the same order; alone, nothing is exchanged.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def by_first(self, make: Callable[[], Value]) -> Value:
        """What ``make`` gives in the first process, in all of them; or its error, raised in all."""
        if self.world == 1:
            return make()
        from torch import distributed

        box = [_outcome(make) if self.first else None]
        distributed.broadcast_object_list(box, src=0)
        found: Value = _value(box[0])
        return found

    def by_each(self, make: Callable[[], Value]) -> list[Value]:
        """What ``make`` gives in each process, in all; or the error of the lowest that has one."""
        if self.world == 1:
            return [make()]
        from torch import distributed

        outcomes: list[Any] = [None] * self.world
        distributed.all_gather_object(outcomes, _outcome(make))
        return [_value(outcome) for outcome in outcomes]


def _outcome(make: Callable[[], Any]) -> tuple[Any, RebalanceError | None]:
    """What can be sent: what ``make`` gives, or its error."""
    try:
        return make(), None
    except RebalanceError as error:
        return None, error


def _value(outcome: Any) -> Any:
    value, error = outcome
    if error is not None:
        raise error
    return value


def is_first() -> bool:
    """Whether this process is the one that speaks: alone, or torchrun's first."""
    return not _several() or os.environ.get("RANK", "0") == "0"


def let_another_speak() -> None:
    """Wait: to fail at once could have torchrun end the process that says why before it has."""
    time.sleep(GRACE)


def own_workers(workers: int | None) -> int:
    """``workers``, or where it is None this process's part of the machine's processors, 1 or more.

    By torchrun's LOCAL_WORLD_SIZE, or 1 where it is not set.
    """
    if workers is not None:
        return workers
    return max(1, chosen_workers(None) // _number("LOCAL_WORLD_SIZE", 1))


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Be one of torchrun's processes for a while, or this process alone.

    device: as users give it; on CUDA, LOCAL_RANK chooses which. Where torch.distributed has been
    initialised, its processes are joined, and it is left as it is; else it is initialised, by NCCL
    on CUDA and Gloo elsewhere, and destroyed at the end. The log is kept silent in all but the
    first. Of processes that fail, one raises why, and the others PeerFailed. Raises ExtractorError
    where there is no CUDA device for a process.
    """
    if found := _initialised():
        with _silent_but_first(found):
            yield found
    elif not _several():
        yield Processes()
    else:
        with _torchrun(device) as processes, _silent_but_first(processes):
            yield processes


@contextmanager
def _torchrun(device: str) -> Iterator[Processes]:
    from torch import distributed

    # Its default arguments hold the group that is there when it is imported. Left to an optimizer
    # to import, it keeps the group's threads alive, and they can abort the process at its end.
    from torch.distributed import nn  # noqa: F401
    from torch.distributed.rendezvous import rendezvous

    store, rank, world = next(rendezvous("env://", timeout=PATIENCE))
    try:
        distributed.init_process_group(
            _backend(resolve_device(device)),
            store=store,
            rank=rank,
            world_size=world,
            timeout=PATIENCE,
        )
        yield Processes(rank, world)
    except BaseException as error:
        if not _fails_first(store, rank):
            let_another_speak()
            raise PeerFailed("another process failed, and says why") from error
        if _lost_a_peer(error):
            raise TrainingError(
                "another process has ended without a word: see what its machine says, and go on "
                "with --resume"
            ) from error
        raise
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _backend(device: str) -> str:
    """Those of torch.distributed for a device, after this process has chosen its own."""
    if device != "cuda":
        return "gloo"
    import torch

    place, present = _number("LOCAL_RANK", 0), torch.cuda.device_count()
    if place >= present:
        raise ExtractorError(
            f"each process needs a CUDA device of its own, found {present} for "
            f"{_number('LOCAL_WORLD_SIZE', place + 1)} processes: start fewer with "
            "--nproc-per-node, or pass --device cpu"
        )
    torch.cuda.set_device(place)
    return "cpu:gloo,cuda:nccl"


def _fails_first(store: Any, rank: int) -> bool:
    """Whether no other process has failed before; to be asked once."""
    try:
        return bool(store.add(FAILURES, 1) == 1)
    except RuntimeError:  # the store is gone with the process that held it
        return rank == 0


def _lost_a_peer(error: BaseException) -> bool:
    from torch import distributed

    if isinstance(error, distributed.DistError):
        return True
    return type(error) is RuntimeError and "gloo" in str(error).lower()


def _initialised() -> Processes | None:
    """Those of torch.distributed, where the caller has initialised it."""
    if "torch" not in sys.modules:
        return None
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return None
    return Processes(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def _silent_but_first(processes: Processes) -> Iterator[None]:
    def spoken(record: logging.LogRecord) -> bool:
        return processes.first

    log.addFilter(spoken)
    try:
        yield
    finally:
        log.removeFilter(spoken)


def _several() -> bool:
    return _number("WORLD_SIZE", 1) > 1


def _number(name: str, default: int) -> int:
    found = os.environ.get(name, "")
    return int(found) if found.isdecimal() else default
