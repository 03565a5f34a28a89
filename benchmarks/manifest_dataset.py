"""ManifestDataset beside torchvision's ImageFolder: images a second from the same folder.

    python -m benchmarks.manifest_dataset photos --images 500 --rounds 7

The two take turns, in the order of their round, over the same images, which lie in the page cache;
every ratio is of one round. Seconds are of the processor, those of workers too, and by the clock.
"""

import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import click
import torch
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from rebalance.cli.console import table
from rebalance.torch import ManifestDataset

BATCH = 64
USUAL = v2.Compose(
    [
        v2.RandomResizedCrop(224),
        v2.RandomHorizontalFlip(),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
Seconds = tuple[float, float]


def nothing(items: list[Any]) -> int:
    """A batch of images that no tensor can be made of: their number."""
    return len(items)


def used() -> float:
    """Seconds of the processor, of this process and of those it waited for."""
    both = map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def epoch(dataset: Dataset[Any], workers: int, *, plain: bool) -> Seconds:
    """Seconds of the processor and by the clock that one pass takes."""
    torch.manual_seed(0)
    random.seed(0)
    begun, clock = used(), time.perf_counter()
    loader: DataLoader[Any] = DataLoader(
        dataset, BATCH, num_workers=workers, collate_fn=nothing if plain else None
    )
    for _ in loader:
        pass
    del loader
    return used() - begun, time.perf_counter() - clock


def compared(
    make: dict[str, Callable[[], Dataset[Any]]], rounds: int, workers: int, *, plain: bool
) -> dict[str, list[Seconds]]:
    """Seconds of each, round by round; the one that begins changes from round to round."""
    datasets = {name: build() for name, build in make.items()}
    found: dict[str, list[Seconds]] = {name: [] for name in datasets}
    for each in datasets.values():
        epoch(each, 0, plain=plain)
    for number in range(rounds):
        names = list(datasets)[:: -1 if number % 2 else 1]
        for name in names:
            found[name].append(epoch(datasets[name], workers, plain=plain))
    return found


def ratio(found: dict[str, list[Seconds]], which: int) -> str:
    theirs, ours = found.values()
    ratios = [one[which] / other[which] for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--images", default=500, show_default=True)
@click.option("--rounds", default=7, show_default=True)
def main(folder: Path, images: int, rounds: int) -> None:
    """Time both with and without a transform, without workers and with two."""
    torch.set_num_threads(1)
    lines = []
    for plain in (False, True):
        transform = None if plain else USUAL
        theirs, ours = ImageFolder(folder, transform), ManifestDataset(folder, transform)
        assert theirs.samples == ours.samples
        chosen = random.Random(0).sample(range(len(ours)), min(images, len(ours)))
        make: dict[str, Callable[[], Dataset[Any]]] = {
            "ImageFolder": lambda theirs=theirs, chosen=chosen: Subset(theirs, chosen),
            "ManifestDataset": lambda ours=ours, chosen=chosen: Subset(ours, chosen),
        }
        for workers in (0, 2):
            found = compared(make, rounds, workers, plain=plain)
            rates = [
                f"{len(chosen) / statistics.median(each[1] for each in taken):,.0f}"
                for taken in found.values()
            ]
            what = "no transform" if plain else "the usual transform"
            lines.append((f"{what}, {workers} workers", *rates, ratio(found, 0), ratio(found, 1)))
    head = ("images/s", *make, "ours/theirs: processor", "by the clock")
    click.echo(table(head, lines))


if __name__ == "__main__":
    main()
