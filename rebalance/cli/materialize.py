"""``rebalance materialize``."""

from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import TEST, free, then
from rebalance.settings import calls

SYMLINK = groups.option("Output", "--symlink", is_flag=True, help="Short for --link sym.")


@groups.command("materialize")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@options.of(calls.MATERIALIZE, after={"link": SYMLINK})
@console.talk
def command(
    manifest: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Write MANIFEST as the image folder OUT, for tools that read no manifest.

    Images are copied, in no time where the file system has reflinks, so that no original changes
    with OUT; --link hard saves the space elsewhere. Repeated ones get a name of their own, and
    those that are blended or augmented are written as PNG. OUT/class_map.txt lists the classes in
    the manifest's order. OUT appears only once it is whole.

    With --val and --test, what to validate and test on lies beside it, as OUT/val and OUT/test;
    an image may be on one side only. Who splits repeated or blended images afterwards scores what
    was trained on.

    \b
    Examples:
      rebalance materialize balanced.csv photos/balanced
      rebalance materialize balanced.csv photos/balanced --link hard --overwrite
      rebalance materialize balanced.csv photos/sides --val photos/val --layout ultralytics
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    made = rebalance.materialize(manifest, output, progress=progress, **parameters)
    if as_json:
        console.print_json(made.as_record())
        return
    columns = made.sides if len(made.sides) > 1 else {"images": made.counts}
    rows = ([name, *(counts[name] for counts in columns.values())] for name in made.counts)
    click.echo(console.table(("class", *columns), rows))
    ways = ("linked", "reflinked", "copied", "symlinked", "blended", "augmented")
    parts = [f"{getattr(made, way)} {way}" for way in ways if getattr(made, way)]
    click.echo(f"\nwrote {console.printable(str(made.path))}: {', '.join(parts)}")
    side = {name: str(output / name) if parameters[name] else None for name in ("val", "test")}
    images = output / "train" if len(made.sides) > 1 else output
    val = ("--val", side["val"]) if side["val"] else ()
    then("train", images, *val, "--test", side["test"] or TEST, "-o", free("run"))
