"""``rebalance import``."""

from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, options
from rebalance.settings import calls


@click.command("import")
@click.argument("table", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Manifest to write (.csv); M.dropped.csv and M.json go beside it.",
)
@click.option(
    "--path-column",
    metavar="NAME",
    help="Column with the path of each image; without a header its number. [default: the one of a "
    "usual name, or the only one that can be meant]",
)
@click.option(
    "--label-column",
    metavar="NAME",
    help="Column with its label. [default: as for paths]",
)
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that the paths are relative to. [default: that of the table]",
)
@options.of(calls.EXCHANGE)
@console.talk
def command(
    table: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Make a manifest of TABLE, which lists images and their labels.

    TABLE is a CSV with any sign between its cells, or lines of JSON. Paths that
    are not there as they are written are read in the one way that finds all of
    them, which is told; files that are not there are named and left out.

    \b
    Examples:
      rebalance import labels.csv -o images.csv
      rebalance import labels.csv -o images.csv --root photos --label-column species
    """
    console.start(quiet=quiet, verbose=verbose)
    import rebalance

    manifest = rebalance.import_csv(table, output, **parameters)
    if as_json:
        console.print_record(output)
        return
    before = manifest.record["counts"]["before"]
    rows = [(name, before[name], count) for name, count in manifest.counts.items()]
    click.echo(console.table(("class", "listed", "rows"), rows))
    click.echo(f"\nwrote {console.printable(str(output))}: {len(manifest.rows)} rows")
