"""What drawing costs beside reading: an epoch of a million positions through a ``DataLoader``.

    python -m benchmarks.sampler [--images 1000000] [--classes 1000] [--repeats 5]

The images are tensors in memory, so that reading costs next to nothing: with files the share of
drawing is smaller by far. All samplers take turns in each round; a figure is the median over the
rounds of the processor time beside that of torch's ``RandomSampler`` in the same round.
torchsampler (imbalanced-dataset-sampler) takes part where it is installed.
"""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from time import process_time
from typing import Any

import click
import numpy as np
import torch
from torch.utils.data import DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler

from rebalance.torch import BalancedBatchSampler, BalancedSampler, sample_weights

Samplers = dict[str, Callable[[], Any]]


def samplers_of(dataset: TensorDataset, batch_size: int) -> Samplers:
    """Return what makes each sampler of the comparison."""
    labels = dataset.tensors[1]
    weights = sample_weights(labels)
    found: Samplers = {
        "torch RandomSampler": lambda: RandomSampler(dataset),
        "BalancedSampler": lambda: BalancedSampler(labels),
        "BalancedSampler power=0": lambda: BalancedSampler(labels, power=0),
        "BalancedBatchSampler": lambda: BalancedBatchSampler(labels, 8, batch_size // 8),
        "torch WeightedRandomSampler": lambda: WeightedRandomSampler(weights, len(labels)),  # type: ignore[arg-type]
    }
    if importlib.util.find_spec("torchsampler"):
        from torchsampler import ImbalancedDatasetSampler

        given = labels.tolist()
        found["torchsampler"] = lambda: ImbalancedDatasetSampler(dataset, labels=given)
    return found


def loader_of(dataset: TensorDataset, sampler: Any, batch_size: int) -> Iterable[Any]:
    """Return a loader that reads by the sampler."""
    if isinstance(sampler, BalancedBatchSampler):
        return DataLoader(dataset, batch_sampler=sampler)
    return DataLoader(dataset, sampler=sampler, batch_size=batch_size)


def seconds(iterable: Iterable[Any]) -> float:
    """Return how much processor time it takes to go through all of it."""
    begin = process_time()
    for _ in iterable:
        pass
    return process_time() - begin


def long_tail(images: int, classes: int) -> Iterator[int]:
    """Yield the size of each class, the first a hundred times as large as the last."""
    sizes = 100.0 ** -np.linspace(0, 1, classes)
    for size in np.diff(np.rint(np.append(0, np.cumsum(sizes / sizes.sum())) * images)):
        yield int(size)


@click.command()
@click.option("--images", default=1_000_000, show_default=True)
@click.option("--classes", default=1000, show_default=True)
@click.option("--batch-size", default=256, show_default=True)
@click.option("--repeats", default=5, show_default=True)
def main(images: int, classes: int, batch_size: int, repeats: int) -> None:
    """Time an epoch by each sampler."""
    labels = torch.from_numpy(np.repeat(range(classes), list(long_tail(images, classes))))
    dataset = TensorDataset(torch.zeros(len(labels), 8), labels)
    made = {name: make() for name, make in samplers_of(dataset, batch_size).items()}
    alone: dict[str, list[float]] = {name: [] for name in made}
    read: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(repeats):
        for name, sampler in made.items():
            alone[name].append(seconds(sampler))
            read[name].append(seconds(loader_of(dataset, sampler, batch_size)))
    plain, epoch = alone["torch RandomSampler"], read["torch RandomSampler"]
    click.echo(f"{len(labels)} images, {classes} classes: an epoch takes {np.median(epoch):.2f} s")
    for name in made:
        more = np.subtract(alone[name], plain) / epoch
        whole = np.divide(read[name], epoch)
        click.echo(
            f"{name:28} drawn in {np.median(alone[name]) * 1000:5.0f} ms, "
            f"{np.median(more):+.2%} of an epoch beside RandomSampler; "
            f"the epoch {np.median(whole):.3f} times as long"
        )


if __name__ == "__main__":
    main()
