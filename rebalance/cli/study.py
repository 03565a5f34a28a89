"""``rebalance study``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import then
from rebalance.settings import calls
from rebalance.settings.spelling import flags

if TYPE_CHECKING:
    from rebalance.studies.story import Forecast

DRY_RUN = groups.option(
    "Running",
    "--dry-run",
    is_flag=True,
    help="Only list the cells and estimate how long they take.",
)


@groups.command("study")
@click.argument("study", metavar="STUDY.toml", type=click.Path(path_type=Path))
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the cells and the results; a study that was stopped goes on there.",
)
@options.of(calls.STUDY, after={"test": DRY_RUN})
@console.talk
def command(
    study: Path,
    output: Path,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Find out which rebalancing helps on your data, with intervals.

    STUDY.toml names the data and a grid of rebalancing, loss, regime, threshold, head, mix and
    classifier. Each combination is run with every seed on every fold, beside three controls that
    are always there: nothing at all, the same sizes at random, and the threshold prior alone.
    Finished cells are kept, so that a study that was interrupted, or whose grid has grown, goes on
    where it was.

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
        asked = {name: parameters[name] for name in calls.PLAN_STUDY.keywords()}
        _forecast(rebalance.plan_study(study, output, **asked), as_json)
        then("study", study, "-o", output, *flags(calls.STUDY, parameters))
        return
    results = rebalance.study(study, output, progress=progress, **parameters)
    if as_json:
        console.print_json(json.loads((output / "study.json").read_bytes()))
        return
    header, rows = table(results)
    click.echo(console.table(header, rows))
    record = json.loads((output / "study.json").read_bytes())
    click.echo("\n" + console.printable(" ".join(record["answer"])))
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
    header = ("rebalance", "loss", "regime", "threshold", "head", "mix", "classifier")
    rows = [[getattr(treatment, name) for name in header] for treatment in plan.treatments]
    click.echo(console.table(header, rows, left=7))
    click.echo(
        f"\n{len(rows)} treatments x {len(plan.options.seeds)} seeds x {plan.options.folds} folds: "
        f"{len(plan.cells)} cells, {forecast.finished} finished; about "
        f"{forecast.seconds:.0f} s for the others by {forecast.rule}, features apart"
    )
