"""``rebalance inspect``."""

from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, options
from rebalance.errors import GateFailed


@click.command("inspect", short_help="Count images, find unreadable ones.")
@options.data
@options.folder
@click.option(
    "--fail-above",
    type=click.FloatRange(1),
    metavar="RHO",
    help="Exit with status 3 if the imbalance ratio is larger.",
)
@options.workers
@options.strict
@console.talk
def command(
    data: Path,
    fail_above: float | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Count the images of every class, and find those that cannot be read.

    The imbalance ratio is the size of the largest class over that of the smallest.

    \b
    Examples:
      rebalance inspect photos/train
      rebalance inspect photos/train --json
      rebalance inspect photos/train --fail-above 10
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    found = rebalance.inspect(
        data,
        progress=progress,
        **parameters,
    )
    if as_json:
        console.print_json(found.as_record())
    else:
        total = sum(found.counts.values())
        rows = [
            (name, count, count - found.readable[name], f"{count / total:.1%}")
            for name, count in found.counts.items()
        ]
        click.echo(console.table(("class", "images", "unreadable", "share"), rows))
        click.echo(
            f"\n{total} images in {len(rows)} classes; imbalance ratio {found.imbalance_ratio:.2f}"
        )
    if fail_above is not None and not found.imbalance_ratio <= fail_above:
        raise GateFailed(
            f"imbalance ratio {found.imbalance_ratio:.2f} is above the {fail_above:g} that "
            "--fail-above allows: rebalance the folder, or raise the gate"
        )
