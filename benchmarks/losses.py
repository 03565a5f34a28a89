"""Which loss helps: the same network trained with each, over seeds.

    python -m benchmarks.losses sample_data/train sample_data/test --epochs 30 --arch cifar_resnet20

Prints the median of each metric over the seeds, and its smallest and largest value. A manifest
given with ``--manifest`` is trained on with cross entropy, as one more row.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import rebalance
from rebalance.cli.console import table

METRICS = ("balanced_accuracy", "gmean", "f1_macro", "roc_auc_ovr_macro")
LOSSES = "ce,weighted,cce,focal,ldam"


def train(data: Path, test: Path, seed: int, **options: Any) -> list[float]:
    """The metrics of one run, whose folder is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        found = rebalance.train(data, test, Path(folder) / "run", seed=seed, **options)
    return [found[name] for name in METRICS]


def spread(values: NDArray[np.float64], digits: int = 3) -> str:
    """The median of ``values``, and the smallest and the largest."""
    low, middle, high = values.min(), np.median(values), values.max()
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("test", type=click.Path(exists=True, path_type=Path))
@click.option("--losses", default=LOSSES, show_default=True)
@click.option("--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--recipe", default="scratch", show_default=True)
@click.option("--weights")
@click.option("--arch")
@click.option("--epochs", type=int)
@click.option("--image-size", type=int)
@click.option("--precision", default="auto", show_default=True)
def main(
    data: Path, test: Path, losses: str, manifest: Path | None, seeds: int, **options: Any
) -> None:
    """Train on DATA with every loss, and score on TEST."""
    cells = {loss: (data, loss) for loss in losses.split(",")}
    if manifest is not None:
        cells[f"ce on {manifest.name}"] = (manifest, "ce")
    found: dict[str, list[list[float]]] = {name: [] for name in cells}
    for seed in range(seeds):
        for name, (images, loss) in cells.items():
            began = time.perf_counter()
            metrics = train(images, test, seed, loss=loss, **options)
            found[name].append(metrics)
            told = " ".join(f"{value:.4f}" for value in metrics)
            click.echo(
                f"{name}, seed {seed}: {told}, {time.perf_counter() - began:.0f} s", err=True
            )
    rows = [(name, *map(spread, np.array(values).T)) for name, values in found.items()]
    click.echo(table(("trained with", *METRICS), rows))


if __name__ == "__main__":
    main()
