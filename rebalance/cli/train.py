"""``rebalance train``."""

import signal
import time
from pathlib import Path
from typing import Any

import click

from rebalance.cli import Interrupted, console, groups, options
from rebalance.cli.following import page_of, then
from rebalance.cli.values import divided
from rebalance.distributed.processes import is_first
from rebalance.distributed.shutdown import Ended
from rebalance.errors import LossError
from rebalance.settings import calls

WEIGHTING = groups.option(
    "What",
    "--weighting",
    metavar="balanced|inverse|effective",
    help="Short for --loss-option weighting=...",
)


@groups.command("train")
@click.argument("data", type=click.Path(path_type=Path), required=False)
@groups.option(
    "What",
    "--test",
    type=click.Path(path_type=Path),
    required=True,
    help="What to score on: a folder or a manifest; never resampled.",
)
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Run folder to write.",
)
@options.of(
    calls.TRAIN,
    first=("rebalance_head", "from_run", "head_only", "resume", "recipe", "arch", "weights"),
    after={"loss_options": WEIGHTING},
)
@console.talk
def command(
    data: Path | None,
    test: Path,
    output: Path,
    weighting: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Train a baseline on DATA and score it with metrics that imbalance does not fool.

    DATA is an image folder or a manifest; its repeated images are trained on as often. No image
    may be on both sides. The run folder holds the network, a row per epoch, the metrics and every
    prediction; its network can be given to --extractor. What can be chosen is listed by rebalance
    losses and, such as regimes and thresholds, by rebalance choices.

    \b
    Examples:
      rebalance train photos/train --test photos/test -o run
      rebalance train balanced.csv --test photos/test -o run --loss cce --loss-option gamma=-1
      rebalance train photos/train --test photos/test -o run --loss focal:alpha=cat=2,dog=1
      rebalance train photos/train --test photos/test -o run --recipe scratch --epochs 30
      rebalance train photos/train --test photos/test -o run --resume
      rebalance train --from run --rebalance-head eos --test photos/test -o headed
      torchrun --nproc-per-node 4 -m rebalance train photos/train --test photos/test -o run
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance
    from rebalance.losses import check_options

    parameters["loss"], own = divided(parameters["loss"])
    parameters["loss_options"] += own
    if weighting is not None:
        parameters["loss_options"] += (("weighting", weighting),)
    try:
        if parameters["from_run"] is None:  # which takes no loss at all
            check_options(parameters["loss"], dict(parameters["loss_options"]))
    except LossError as error:
        raise click.UsageError(str(error)) from None
    began = time.time()
    try:
        metrics = rebalance.train(data, test, output, progress=progress, **parameters)
    except (KeyboardInterrupt, Ended) as error:
        number = error.number if isinstance(error, Ended) else signal.SIGINT
        written = parameters["resume"] or _written_since(began, output)
        left = _left(written, headed=parameters["from_run"] is not None)
        raise Interrupted(number, left=left) from None
    if not is_first():
        return
    if as_json:
        console.print_json(metrics)
    else:
        click.echo(console.scores(metrics))
        click.echo(f"\nwrote {console.printable(str(output))}")
    then(*page_of(output))


def _written_since(began: float, output: Path) -> bool:
    """Tell whether the run folder was begun after ``began``, but for what clocks differ by."""
    from rebalance.runs.folder import OPTIONS

    options = output / OPTIONS
    return options.exists() and options.stat().st_mtime >= began - 1


def _left(written: bool, *, headed: bool) -> str:
    """Say what to do with what an interrupted training leaves."""
    if not written:
        return "nothing was written yet"
    return "run it again, with --overwrite" if headed else "go on with --resume"
