"""``rebalance study``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebalance.cli import console, options
from rebalance.settings import RunOptions

if TYPE_CHECKING:
    from rebalance.studies.story import Forecast


@click.command("study", short_help="Compare ways of rebalancing on your data.")
@click.argument("study", metavar="STUDY.toml", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the cells and the results; a study that was stopped goes on there.",
)
@click.option("--data", type=click.Path(path_type=Path), help="In place of the file's own data.")
@click.option("--test", type=click.Path(path_type=Path), help="In place of the file's own test.")
@click.option("--dry-run", is_flag=True, help="List the cells and about how long they take.")
@options.device
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=RunOptions.workers,
    help="Cells run side by side; on GPUs one on each. [default: all cores]",
)
@options.cache_dir
@options.strict
@options.overwrite
@console.talk
def command(
    study: Path,
    output: Path,
    data: Path | None,
    test: Path | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Find out which rebalancing helps on your data, with intervals.

    STUDY.toml names the data and a grid of rebalancing, loss, regime and threshold. Each
    combination is run with every seed on every fold, beside two controls that are always there:
    nothing at all, and the same sizes at random. Finished cells are kept, so that a study that was
    interrupted, or whose grid has grown, goes on where it was.

    \b
    A STUDY.toml:
      [study]
      data = "photos/train"
      test = "photos/test"
      [grid]
      rebalance = ["subclass-closest", "coverage", "smote", "eos"]

    \b
    Examples:
      rebalance study study.toml -o study --dry-run
      rebalance study study.toml -o study
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance
    from rebalance.studies.tables import table

    if dry_run:
        shared = {name: parameters[name] for name in ("device", "workers")}
        _forecast(rebalance.plan_study(study, output, data=data, test=test, **shared), as_json)
        return
    results = rebalance.study(study, output, data=data, test=test, progress=progress, **parameters)
    if as_json:
        click.echo((output / "study.json").read_text(encoding="utf-8"), nl=False)
        return
    header, rows = table(results)
    click.echo(console.table(header, rows))
    click.echo(f"\nwrote {console.printable(str(output / 'study.html'))}, .md, .csv and .json")


def _forecast(forecast: "Forecast", as_json: bool) -> None:
    plan = forecast.plan
    if as_json:
        console.print_json(
            {
                "treatments": [vars(treatment) for treatment in plan.treatments],
                "seeds": list(plan.options.seeds),
                "folds": plan.options.folds,
                "cells": len(plan.cells),
                "finished": forecast.finished,
                "seconds": forecast.seconds,
                "rule": forecast.rule,
            }
        )
        return
    header = ("rebalance", "loss", "regime", "threshold")
    rows = [[getattr(treatment, name) for name in header] for treatment in plan.treatments]
    click.echo(console.table(header, rows, left=4))
    click.echo(
        f"\n{len(rows)} treatments x {len(plan.options.seeds)} seeds x {plan.options.folds} folds: "
        f"{len(plan.cells)} cells, {forecast.finished} finished; about "
        f"{forecast.seconds:.0f} s for the others by {forecast.rule}, features apart"
    )
