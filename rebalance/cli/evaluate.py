"""``rebalance evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import free, page_of, then
from rebalance.distributed.processes import is_first
from rebalance.settings import calls

if TYPE_CHECKING:
    from rebalance.records import ScoredRunRecord


@groups.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.argument("test", type=click.Path(path_type=Path))
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV to write every prediction to.",
)
@options.of(calls.EVALUATE)
@console.talk
def command(
    run: tuple[Path, ...], test: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Score the network of RUN on TEST, deciding as the run decided, or otherwise.

    Of several RUNs the probabilities are averaged, each as its run decides by them: the heads of an
    ensemble, or two networks that were trained otherwise. They must know the same classes.

    TEST is an image folder or a manifest. Classes are those of the run, in its order; a class that
    TEST does not have is left out of the means, and said. Another decision is fitted on the images
    that the run was trained on, never on TEST, and kept in RUN for the next time.

    \b
    Examples:
      rebalance evaluate run photos/test
      rebalance evaluate run photos/test -o predictions.csv --json
      rebalance evaluate run.0 run.1 run.2 photos/test --json
      rebalance evaluate run photos/test --classifier centres --threshold cost:costs.csv
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    metrics = rebalance.evaluate(run, test, progress=progress, **parameters)
    if not is_first():
        return
    if as_json:
        console.print_json(metrics)
    else:
        click.echo(console.scores(metrics))
        if "runs" in metrics:
            click.echo(f"\n{_of_each(metrics['runs'])}")
    then("report", *run, "-o", page_of(run[0])[-1] if len(run) == 1 else free("runs.html"))


def _of_each(runs: "list[ScoredRunRecord]") -> str:
    """Say how good each run is by itself."""
    rows = [
        (each["run"], f"{each['accuracy']:.4f}", f"{each['balanced_accuracy']:.4f}")
        for each in runs
    ]
    return console.table(("each by itself", "accuracy", "balanced_accuracy"), rows)
