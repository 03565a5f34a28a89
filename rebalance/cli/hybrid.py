"""``rebalance hybrid``."""

from pathlib import Path
from typing import Any

from rebalance.cli import console, groups, options
from rebalance.cli.following import page_of, then
from rebalance.cli.oversample import show
from rebalance.settings import calls


@groups.command("hybrid")
@options.data
@options.manifest
@options.of(calls.HYBRID)
@console.talk
def command(
    data: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Undersample the classes above a size, then oversample those below it.

    What undersample, and then oversample of its manifest, do in one go. With --extractor finetune
    each of them trains a network, on the images that it is given.

    \b
    Examples:
      rebalance hybrid photos/train -o even.csv --to 300
      rebalance hybrid photos/train -o even.csv --to 2x --over smote --space pixel
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    manifest = rebalance.hybrid(data, output, progress=progress, **parameters)
    if as_json:
        console.print_record(output)
    else:
        show(manifest, output)
    then(*page_of(output))
