"""Split a folder that has no test set of its own, class by class, into two manifests.

    python -m benchmarks.split photos/all train.csv test.csv --fraction 0.2

Files of equal content stay on one side, and with ``--groups`` files of one group.
"""

from pathlib import Path

import click

from rebalance import seeds
from rebalance.data.groups import groups_of, read_groups
from rebalance.data.source import open_source
from rebalance.data.splits import linked, stratified_split
from rebalance.data.unreadable import readable_part
from rebalance.manifest import FORMAT, Manifest, Row, write_manifest
from rebalance.parallel import chosen_workers
from rebalance.progress import silent
from rebalance.settings import FolderOptions


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("outputs", type=click.Path(path_type=Path), nargs=2)
@click.option("--fraction", default=0.2, show_default=True, help="Of each class, in the second.")
@click.option("--groups", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True)
def main(
    data: Path, outputs: tuple[Path, Path], fraction: float, groups: Path | None, seed: int
) -> None:
    """Split DATA into two manifests."""
    folder = open_source(data, FolderOptions()).folder
    folder, probes, _ = readable_part(folder, chosen_workers(None), silent, strict=False)
    ties = [[probe.digest for probe in probes]]
    if groups is not None:
        ties.append(groups_of(folder.paths, read_groups(groups)))
    rng = seeds.generator(seed, "test split")
    sides = stratified_split(folder.labels, fraction, rng, linked(*ties))
    for output, positions in zip(outputs, sides, strict=True):
        part = folder.take(positions.tolist())
        rows = (
            Row(path, folder.classes[label])
            for path, label in zip(part.paths, part.labels, strict=True)
        )
        record = {"format": FORMAT, "root": str(folder.root), "classes": list(folder.classes)}
        write_manifest(output, Manifest(folder.root, folder.classes, tuple(rows), record=record))
        click.echo(f"{output}: {dict(zip(folder.classes, part.counts, strict=True))}")


if __name__ == "__main__":
    main()
