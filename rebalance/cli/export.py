"""``rebalance export``."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, groups, options, values
from rebalance.settings import calls
from rebalance.settings.option import keys


class Tool(values.Registry):
    """A tool that reads tables; of one that does not it is said what to do for it."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        from rebalance.exchange import BY_FOLDER

        if told := BY_FOLDER.get(str(value).lower()):
            self.fail(told, param, ctx)
        return super().convert(value, param, ctx)


@groups.command("export")
@click.argument("manifest", type=click.Path(path_type=Path))
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Table to write: .csv; for csv and hf also .jsonl, which keeps text text, for weights "
    ".json; for parquet .parquet, for timm .txt. For hf it is metadata.csv, .jsonl or .parquet in "
    "the folder of the images.",
)
@groups.option(
    "What",
    "--to",
    type=Tool(partial(keys, "rebalance.exchange:EXPORTS")),
    default="csv",
    show_default=True,
    help="Tool that will read the table.",
)
@options.of(calls.EXPORT)
@console.talk
def command(
    manifest: Path,
    output: Path,
    to: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Write MANIFEST under the column names that another tool reads.

    A table holds files, so a manifest with blends is to be materialized instead;
    parquet and weights list them as the manifest does.

    \b
    Examples:
      rebalance export balanced.csv --to fiftyone -o fiftyone.csv
      rebalance export balanced.csv --to hf -o photos/train/metadata.csv
      rebalance export balanced.csv --to weights --weighting effective -o w.json
    """
    console.start(quiet=quiet, verbose=verbose)
    import rebalance

    table = rebalance.export(manifest, output, to, **parameters)
    if as_json:
        record = {"output": str(output), "to": to, "columns": table.header, "rows": len(table.rows)}
        console.print_json(record)
    else:
        columns = ", ".join(table.header)
        click.echo(f"wrote {console.printable(str(output))}: {len(table.rows)} rows of {columns}")
