"""``rebalance oversample``."""

from collections import Counter
from operator import sub
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import page_of, then
from rebalance.settings import calls

if TYPE_CHECKING:
    from rebalance.manifest import Manifest


@groups.command("oversample")
@options.data
@options.manifest
@options.of(calls.OVERSAMPLE, first=("method", "to", "per_class", "classes"))
@console.talk
def command(
    data: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Raise the small classes by recipes: images to repeat, or two to blend and how much of each.

    No image is made. A blend in embedding space is one of feature vectors, which train carries out
    with --rebalance-head; one in pixel space is one of images, much like mixup, which train and
    materialize carry out.

    With cluster, max is the largest class once each of its clusters is as large as its largest one.

    \b
    Examples:
      rebalance oversample photos/train -o larger.csv
      rebalance oversample photos/train -o larger.csv --method smote --extractor finetune
      rebalance oversample balanced.csv -o larger.csv --method eos --extractor run
      rebalance oversample photos/train -o larger.csv --to 0.5x --class cat=300
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    manifest = rebalance.oversample(data, output, progress=progress, **parameters)
    if as_json:
        console.print_record(output)
    else:
        show(manifest, output)
    then(*page_of(output))


def show(manifest: "Manifest", output: Path) -> None:
    """The classes before and after, and what was not done as asked."""
    counts, stories = manifest.record["counts"], manifest.record["per_class"]
    made = Counter((row.trained_as, row.kind) for row in manifest.rows)
    columns: dict[str, list[Any]] = {
        "class": list(counts["before"]),
        "images": list(counts["before"].values()),
    }
    blended = [made[name, "synthetic"] for name in columns["class"]]
    kept = [made[name, "original"] for name in columns["class"]]
    readable = list(counts["readable"].values())
    # Said where it happened: an oversampled folder has nothing dropped, and mostly all can be read.
    left_out = {
        "dropped": list(map(sub, readable, kept)),
        "unreadable": list(map(sub, columns["images"], readable)),
    }
    columns["kept"] = kept
    columns |= {title: column for title, column in left_out.items() if any(column)}
    columns["repeated"] = [made[name, "duplicate"] for name in columns["class"]]
    columns["blended"] = blended
    for kind in ("augmented", "generated"):
        if any(several := [made[name, kind] for name in columns["class"]]):
            columns[kind] = several
    columns["samples"] = list(counts["after"].values())
    click.echo(console.table(list(columns), zip(*columns.values(), strict=True)))
    ratio = manifest.record["imbalance_ratio"]
    click.echo(
        f"\nimbalance ratio {ratio['before']:.2f} -> {ratio['after']:.2f}; wrote "
        f"{console.printable(str(output))}: {len(manifest.rows)} samples"
        + (f", the blends in {manifest.record['space']} space" if any(blended) else "")
    )
    for name, story in stories.items():
        if story["note"]:
            click.echo(f"{console.printable(name)}: {story['note']}")
