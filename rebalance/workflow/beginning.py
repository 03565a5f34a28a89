"""How every training begins: what a resumed run goes on with, and the run folder it writes to.

Imports no torch; never click.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from rebalance.atomic import held
from rebalance.distributed.processes import Processes
from rebalance.losses.arguments import is_searched
from rebalance.records import RunOptionsRecord
from rebalance.runs import Run
from rebalance.runs.options import FREE, resize_from
from rebalance.settings import TrainOptions


def as_begun(training: TrainOptions, output: Path | str, processes: Processes) -> TrainOptions:
    """Return the options to resume a run with: its images stay squares as they were made before.

    What is asked for in ``training`` goes first, and the default of today does not count. Costs
    that were searched are not searched again.
    """
    begun = processes.by_first(partial(Run.open, output))
    loss = begun.options["loss"]
    options = tuple(
        (name, loss.get(name, value) if is_searched(name, value) else value)
        for name, value in training.loss_options
    )
    resize = training.resize or resize_from(begun.options)
    return replace(training, resize=resize, loss_options=options)


def begun_folder(
    output: Path | str,
    options: RunOptionsRecord,
    holding: ExitStack,
    processes: Processes,
    *,
    overwrite: bool,
    resume: bool = False,
) -> Run:
    """Return the run folder, new or gone on with, which is this command's until ``holding`` ends.

    Raises OutputError where another command writes to it, otherwise as ``Run.create`` and
    ``Run.resume``.
    """
    begin = (
        partial(Run.resume, output, options, free=FREE)
        if resume
        else partial(Run.create, output, options, overwrite=overwrite)
    )
    processes.by_first(partial(holding.enter_context, held(Path(output))))
    return processes.by_first(begin)
