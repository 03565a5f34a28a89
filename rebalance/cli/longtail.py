"""``rebalance longtail``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import page_of, then
from rebalance.settings import calls

if TYPE_CHECKING:
    from rebalance.manifest import Manifest


@groups.command("longtail")
@options.data
@options.manifest
@options.of(calls.LONGTAIL)
@console.talk
def command(
    data: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Make a long-tailed subset of DATA, as those that papers compare methods on.

    The class at place i of K keeps n_max * rho^(-i / (K - 1)) images, rounded down (exp); or all
    go down from n_max to n_max / rho by equal steps (linear); or the first half of the classes
    keeps n_max and the others n_max / rho (step; --share says how many are small). They are drawn
    at random. A longer tail of the same seed and n_max is part of a shorter one.

    \b
    Examples:
      rebalance longtail cifar10/train -o lt100.csv --rho 100
      rebalance longtail photos/train -o step.csv --profile step --rho 10 --n-max 200
      rebalance longtail photos/train -o rare.csv --profile step --share 0.1 --rho 20
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    manifest = rebalance.longtail(data, output, progress=progress, **parameters)
    if as_json:
        console.print_record(output)
    else:
        _print(manifest, output)
    then(*page_of(output))


def _print(manifest: "Manifest", output: Path) -> None:
    counts = manifest.record["counts"]
    rows = [
        (name, before, counts["after"][name], before - counts["after"][name])
        for name, before in counts["before"].items()
    ]
    rows.sort(key=lambda row: -row[2])
    click.echo(console.table(("class", "images", "kept", "left out"), rows))
    ratio = manifest.record["imbalance_ratio"]
    click.echo(
        f"\nimbalance ratio {ratio['before']:.2f} -> {ratio['after']:.2f}; wrote "
        f"{console.printable(str(output))}: {len(manifest.rows)} images kept, "
        f"{len(manifest.dropped)} dropped"
    )
