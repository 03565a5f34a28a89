"""The running of cells side by side, in processes with one thread of arithmetic each.

The outcome of a cell depends neither on how many processes there are nor on which of them runs it.
Imports torch only in those processes; never click.
"""

import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import Queue
from typing import TYPE_CHECKING, Any

from rebalance.data.budget import BUDGET
from rebalance.distributed.shutdown import ENDING
from rebalance.errors import MetricError, RebalanceError, TrainingError, some
from rebalance.studies.outcomes import Outcome
from rebalance.studies.plan import Cell
from rebalance.studies.setup import Setup

if TYPE_CHECKING:  # Windows has no such servers
    from multiprocessing.context import ForkServerContext, SpawnContext

log = logging.getLogger("rebalance")

CellBatch = list[Cell]


@dataclass(frozen=True)
class Finished:
    """Cells that were run together. notes: what the library warned of, with its kind before it."""

    outcomes: list[Outcome]
    notes: list[tuple[str, str]]


def batches(setup: Setup, cells: Sequence[Cell]) -> list[CellBatch]:
    """Group cells that share work: a seed and a fold, or at depth ``full`` one trained body.

    Cells that share a head too come one after the other.
    """

    def shared(cell: Cell) -> Any:
        if setup.options.depth == "probe":
            return cell.seed, cell.fold
        return cell.seed, cell.fold, repr(setup.cells.definitions[cell.treatment].body)

    def taught(cell: Cell) -> str:
        return repr(setup.cells.definitions[cell.treatment].taught)

    order = sorted(sorted(cells, key=taught), key=shared)
    return [list(batch) for _, batch in groupby(order, shared)]


def run_batches(
    setup: Setup,
    work: Sequence[CellBatch],
    workers: int,
    gpus: Sequence[int] = (),
    *,
    until: float = math.inf,
) -> Iterator[Finished]:
    """Yield each batch as it is finished, in any order; by then its cells are kept.

    workers: processes; one works in this process. gpus: of each process its own. until: the second
    of ``time.time`` from which on no cell is begun, so that a batch may come to fewer. Left early,
    by an error or Ctrl-C, all processes end at once, and the cells that are finished stay. Raises
    what a cell raises, naming it, and TrainingError where a process is ended from outside.
    """
    if min(workers, len(work)) <= 1:
        with one_thread():
            yield from (run_batch(setup, batch, until) for batch in work)
        return
    context, others = _beginnings(), set(active_children())
    mine = context.Queue()
    for gpu in gpus:
        mine.put(gpu)
    count = min(workers, len(work))
    given = (setup, mine if gpus else None, count, context.Lock(), dict(os.environ))
    pool = ProcessPoolExecutor(count, context, _begin, given)
    try:
        with _deaf():
            futures = [pool.submit(_run_here, batch, until) for batch in work]
        for future in as_completed(futures):
            yield future.result()
    except BaseException as error:
        for process in set(active_children()) - others:
            process.kill()
        if isinstance(error, BrokenProcessPool):
            raise TrainingError(
                "a process that ran cells was ended from outside, perhaps for lack of memory: run "
                "the study again with fewer --workers; finished cells are kept"
            ) from None
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        setup.cells.tidy()


def run_batch(setup: Setup, batch: CellBatch, until: float = math.inf) -> Finished:
    """Run cells that share work, and keep each as it is finished; none is begun after ``until``."""
    from rebalance.studies import full, probe

    run = {"probe": probe.outcomes, "full": full.outcomes}[setup.options.depth]
    found: list[Outcome] = []
    with _listening() as heard:
        try:
            for outcome in run(setup, batch) if time.time() < until else ():
                setup.cells.write(outcome)
                found.append(outcome)
                if time.time() >= until:
                    break
        except RebalanceError as error:
            told = error.named(setup.images.classes) if isinstance(error, MetricError) else error
            raise TrainingError(_told(batch[len(found)], told)) from error
    return Finished(found, heard)


def _told(cell: Cell, error: RebalanceError) -> str:
    names = some(cell.treatment.names, quoted=False)
    return (
        f"{names}, with seed {cell.seed} on fold {cell.fold + 1}: {error}; or "
        "take it out of the study and run it again: finished cells are kept"
    )


# What all processes need, and take seconds each to load.
LOADED = ("rebalance.studies.full", "rebalance.studies.probe", "sklearn.cluster", "torchvision")


def _beginnings() -> "ForkServerContext | SpawnContext":
    """Have processes begin as copies of one that has loaded what they need, where that is safe."""
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


_setup: Setup | None = None  # of this process, if it runs cells for another
_stack = ExitStack()


def _end_with_parent() -> None:
    """End this process when its parent is gone, as it would wait for cells for ever."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _begin(
    setup: Setup,
    gpus: "Queue[int] | None",
    processes: int,
    alone: Any,
    environment: dict[str, str],
) -> None:
    global _setup
    _setup = setup
    # The process that this is a copy of may have begun in another environment.
    os.environ.clear()
    os.environ.update(environment)
    _be_deaf()
    BUDGET.share(processes, alone)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpus.get())  # before torch looks for them
    _stack.enter_context(one_thread())  # for as long as the process lives


def _run_here(batch: CellBatch, until: float) -> Finished:
    assert _setup is not None
    return run_batch(_setup, batch, until)


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread for all arithmetic, as sums of cells run side by side may not vary."""
    import numba
    import scipy.linalg  # noqa: F401
    import sklearn.cluster  # noqa: F401 (their libraries, which must be there to be limited)
    import torch
    from threadpoolctl import threadpool_limits

    threads, compiled = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
        numba.set_num_threads(compiled)


@contextmanager
def _deaf() -> Iterator[None]:
    """Hold back what ends a command, here and in every process that begins inside the block.

    Here it comes when the block is left. Those processes never get it: the one that began them
    does, though it was sent to all, and ends them.
    """
    before = _be_deaf()
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _be_deaf() -> Any:
    """Hold back what ends a command from now on; gives what was held back before."""
    if hasattr(signal, "pthread_sigmask"):
        return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *ENDING})
    return None


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append((str(record.msg), record.getMessage()))


@contextmanager
def _listening() -> Iterator[list[tuple[str, str]]]:
    """Gather what the library warns of in a cell, as hundreds of cells would repeat it."""
    listener, handlers, level = _Listener(), log.handlers[:], log.level
    log.handlers[:] = [listener]
    log.setLevel(logging.WARNING)
    try:
        yield listener.heard
    finally:
        log.handlers[:] = handlers
        log.setLevel(level)
