"""``rebalance materialize``."""

from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, options
from rebalance.settings import calls


@click.command("materialize")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--symlink",
    is_flag=True,
    help="Symbolic links instead of hard links; the images stay where they are.",
)
@options.of(calls.MATERIALIZE)
@console.talk
def command(
    manifest: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Write MANIFEST as the image folder OUT, for tools that read no manifest.

    Images are hard links where the file system can, else copies; repeated ones get a name of their
    own, and blends are written as PNG. OUT/class_map.txt lists the classes in the manifest's order.
    OUT appears only once it is whole.

    \b
    Examples:
      rebalance materialize balanced.csv photos/balanced
      rebalance materialize balanced.csv photos/balanced --overwrite
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    made = rebalance.materialize(manifest, output, progress=progress, **parameters)
    if as_json:
        console.print_json(made.as_record())
        return
    click.echo(console.table(("class", "images"), made.counts.items()))
    ways = ("linked", "copied", "symlinked", "blended")
    parts = [f"{getattr(made, way)} {way}" for way in ways if getattr(made, way)]
    click.echo(f"\nwrote {console.printable(str(made.path))}: {', '.join(parts)}")
