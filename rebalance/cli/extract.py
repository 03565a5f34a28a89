"""``rebalance extract``."""

from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import free, kept, then
from rebalance.distributed.processes import is_first
from rebalance.settings import calls


@groups.command("extract")
@options.data
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Feature table to write (.npz); without it only the cache is filled.",
)
@options.of(calls.EXTRACT)
@console.talk
def command(
    data: Path,
    output: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Compute the features of every image and keep them in the cache.

    The table holds file_name, label (a number into classes), classes, and one float16 array per
    layer, in the same order. Of --features it holds every layer, in float32 where float16 would
    round.

    \b
    Examples:
      rebalance extract photos/train -o features.npz
      rebalance extract photos/train --arch mobilenet_v2 --layer auto -o features.npz
      rebalance extract photos/train --extractor weights.pth --arch mobilenet_v2
      rebalance extract photos/train --features dinov2.parquet -o features.npz
      torchrun --nproc-per-node 2 -m rebalance extract photos/train -o features.npz
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    table = rebalance.extract(data, output, progress=progress, **parameters)
    if not is_first():
        return
    if as_json:
        console.print_json(table.as_record())
        return
    rows = [(name, *features.shape) for name, features in table.layers.items()]
    about = table.extractor.about
    repeats = len(table.folder.paths) - table.computed - table.cached
    click.echo(console.table(("layer", "images", "columns"), rows))
    click.echo(
        f"\n{table.computed} computed in {table.seconds:.1f} s, "
        f"{table.cached} from the {about['kind'] if about['kind'] == 'file' else 'cache'}, "
        f"{repeats} equal to others, "
        f"{len(table.unreadable)} unreadable"
        + (f"; wrote {console.printable(str(output))}" if output else "")
    )
    then("undersample", data, "-o", free("balanced.csv"), *kept(calls.UNDERSAMPLE, parameters))
