"""``rebalance import``."""

from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import then
from rebalance.settings import calls


@groups.command("import")
@click.argument("table", type=click.Path(path_type=Path))
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Manifest to write (.csv); M.dropped.csv and M.json go beside it.",
)
@options.of(calls.IMPORT)
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
    then("inspect", output)
