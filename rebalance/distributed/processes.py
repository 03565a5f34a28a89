"""The processes that torchrun starts a command in, and what they do together.

torchrun says in the environment who is who; nothing on the command line changes. Imports torch only
where there is more than one process; never click.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from rebalance.distributed.shutdown import ended_in_order, fails_first, ignore_end, to_raise
from rebalance.errors import ExtractorError, RebalanceError, SettingError
from rebalance.parallel import chosen_workers

Value = TypeVar("Value")

log = logging.getLogger("rebalance")

# The first may read a large folder, or train a network, for long while the others wait; torchrun
# itself ends all processes as soon as one of them has failed.
PATIENCE = timedelta(days=7)

_alone: ContextVar[bool] = ContextVar("alone", default=False)


@dataclass(frozen=True)
class Processes:
    """The processes of a command, of which this one is number ``rank`` of ``world``.

    The first one alone writes and logs. All methods are called by all processes, in the same order;
    a single process exchanges nothing.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Tell whether this is the process that writes."""
        return self.rank == 0

    def by_first(self, make: Callable[[], Value]) -> Value:
        """Call ``make`` in the first process, and return its result, or raise its error, in all.

        Meanwhile the first process works alone: it exchanges nothing, and has all threads of its
        machine.
        """
        if self.world == 1:
            return make()
        from torch import distributed

        with _all_threads():
            box = [_outcome(make) if self.first else None]
        distributed.broadcast_object_list(box, src=0)
        found: Value = _value(box[0])
        return found

    def by_each(self, make: Callable[[], Value]) -> list[Value]:
        """Call ``make`` in each process; return all results, or raise the error of lowest rank."""
        if self.world == 1:
            return [make()]
        from torch import distributed

        outcomes: list[Any] = [None] * self.world
        distributed.all_gather_object(outcomes, _outcome(make))
        return [_value(outcome) for outcome in outcomes]


ALONE = Processes()


def _outcome(make: Callable[[], Any]) -> tuple[Any, RebalanceError | None]:
    """Return what can be sent to other processes: the result of ``make``, or its error."""
    try:
        return make(), None
    except RebalanceError as error:
        return None, error


def _value(outcome: Any) -> Any:
    value, error = outcome
    if error is not None:
        raise error
    return value


def alone() -> bool:
    """Tell whether the other processes wait for what this one does."""
    return _alone.get()


@contextmanager
def _all_threads() -> Iterator[None]:
    """Compute with the processors of the waiting processes too, as a single process would."""
    import torch

    token, threads = _alone.set(True), torch.get_num_threads()
    # More processes than one to a machine, and nobody chose: torchrun gives each a thread.
    if _number("LOCAL_WORLD_SIZE", 1) > 1 and os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(chosen_workers(None))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        _alone.reset(token)


def is_first() -> bool:
    """Tell whether this process is the one that logs: alone, or torchrun's first."""
    return not several() or os.environ.get("RANK", "0") == "0"


def own_workers(workers: int | None) -> int:
    """Return ``workers``, or if it is None this process's part of the machine's processors.

    The part is at least 1. It is found by torchrun's LOCAL_WORLD_SIZE, or 1 where that is not set.
    """
    if workers is not None:
        return workers
    return max(1, chosen_workers(None) // _number("LOCAL_WORLD_SIZE", 1))


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the processes that torchrun started, or form a group of this process alone.

    device: as users give it; on CUDA, LOCAL_RANK chooses which one. Where the caller has
    initialised torch.distributed, its processes are joined, and it is left as it is; otherwise it
    is initialised, with NCCL on CUDA and Gloo elsewhere, and destroyed at the end. All processes
    but the first log nothing. If several processes fail, one raises the reason and the others raise
    PeerFailed; a process that was told to end, or lost another one, puts its work away and raises
    PeerLost. Raises ExtractorError where there is no CUDA device for a process.
    """
    if alone():
        yield Processes()
    elif found := _initialised():
        with _silent_but_first(found):
            yield found
    elif not several():
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

    from rebalance.models.devices import resolve_device

    try:
        store, rank, world = next(rendezvous("env://", timeout=PATIENCE))
    except ValueError as error:
        raise SettingError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, which needs all that torchrun sets "
            f"({error}): start the command by torchrun, or unset WORLD_SIZE"
        ) from error
    with ended_in_order():
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
            ignore_end()  # it is ending already, and may have to say why
            if (reason := to_raise(error, fails_first(store, rank))) is not error:
                raise reason from error
            raise
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()


def _backend(device: str) -> str:
    """Name the backends of torch.distributed for a device, and choose this process's GPU.

    Before that, this process chooses its own CUDA device.
    """
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


def _initialised() -> Processes | None:
    """Describe the processes of torch.distributed, where the caller has initialised it."""
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


def several() -> bool:
    """Tell whether this process is one of several that were started together."""
    return _number("WORLD_SIZE", 1) > 1


def _number(name: str, default: int) -> int:
    found = os.environ.get(name, "")
    return int(found) if found.isdecimal() and len(found) < 10 else default
