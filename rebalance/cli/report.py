"""``rebalance report``."""

import json
from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import TEST, free, then
from rebalance.settings import calls


@groups.command("report")
@click.argument(
    "targets", metavar="TARGET...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Page to write (.html), whole in itself.",
)
@options.of(calls.REPORT)
@console.talk
def command(
    targets: tuple[Path, ...],
    output: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Show what was done, on one page that needs no network: of a manifest, of runs, of advice.

    Of a manifest: the classes before and after, and for each class the map of its clusters with
    what was picked and dropped, contact sheets, blends, and the command that makes it again. Of
    runs, side by side: curves, confusion, recall per class before and after a threshold, and the
    generalization gap. Of a folder of advice: its page anew, by what its advice.json has.

    \b
    Examples:
      rebalance report balanced.csv -o balanced.html
      rebalance report balanced.csv -o balanced.html --figures figures
      rebalance report run-1 run-2 -o runs.html
      rebalance report advice -o advice.html
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    made = rebalance.report(targets, output, progress=progress, **parameters)
    figures = parameters["figures"]
    if as_json:
        console.print_json(
            {
                "page": str(output),
                "bytes": made.size,
                "pictures": made.pictures,
                "figures": sorted(made.figures) if figures else [],
            }
        )
        return
    text = f"wrote {console.printable(str(output))}: {made.size / 1e6:.1f} MB, "
    text += f"{made.pictures} pictures"
    if figures:
        text += f"; {len(made.figures)} files in {console.printable(str(figures))}"
    click.echo(text)
    if len(targets) == 1 and targets[0].suffix == ".csv":
        root = parameters["root"]
        given = () if root is None else ("--root", root)
        then("train", *_images(targets[0], root), "--test", TEST, "-o", free("run"), *given)


def _images(manifest: Path, root: Path | None) -> tuple[str | Path, ...]:
    """What to train on: the manifest, or the folder whose features it blends."""
    from rebalance.manifest.reading import read_manifest
    from rebalance.manifest.rows import companions

    _, _, record, _ = companions(manifest)
    if not record.exists() or json.loads(record.read_bytes()).get("space") != "embedding":
        return (manifest,)
    return read_manifest(manifest, root).root, "--rebalance-head", manifest
