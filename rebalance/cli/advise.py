"""``rebalance advise``."""

from pathlib import Path
from shutil import get_terminal_size
from typing import Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import TEST, then
from rebalance.settings import calls


@groups.command("advise")
@options.data
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the advice; what was stopped goes on there.",
)
@options.of(calls.ADVISE)
@console.talk
def command(
    data: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Say what to do about imbalance on your images, and how sure that is.

    Looks at the images first, then tries what has helped elsewhere, by heads on a network's
    features: everything on a few parts of DATA, and what can still win on more, until it is settled
    or the budget is spent. The folder holds advice.html, advice.json, the manifest that is
    recommended, if one is, and do.sh with the command lines.

    \b
    Examples:
      rebalance advise photos/train -o advice
      rebalance advise photos/train --test photos/test --budget 15m -o advice
      rebalance advise photos/train --groups patients.csv -o advice && sh advice/do.sh photos/test
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance
    from rebalance.advice.plain_text import plain_text

    record = rebalance.advise(data, output, progress=progress, **parameters)
    if as_json:
        console.print_json(record)
        return
    folder = console.printable(str(output))
    click.echo(plain_text(record, folder, get_terminal_size().columns))
    click.echo(f"\nwrote {folder}; advice.html there says all of it")
    test = () if parameters["test"] is not None else (TEST,)
    then(output / "do.sh", *test, program="sh")
