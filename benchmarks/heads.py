"""Which oversampling helps a linear head: the third phase of EOS on fixed embeddings, over seeds.

    python -m benchmarks.heads photos/train photos/test --extractor weights.pth --arch mobilenet_v2

A head is trained on the pooled features of the training images as they are, and then on those that
each method makes of them. A tenth of the training images, split off by the seed, chooses the epoch.
Prints the median of each metric over the seeds, and its smallest and largest value.
"""

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import rebalance
from benchmarks.losses import spread
from rebalance import seeds
from rebalance.cli.console import table
from rebalance.data.splits import stratified_split
from rebalance.features.table import FeatureTable
from rebalance.metrics import generalization_gap, score
from rebalance.oversampling import OVERSAMPLERS, synthesise
from rebalance.training.head import balanced_accuracy, fit_head

METRICS = ("balanced_accuracy", "gmean_macro", "f1_macro")
METHODS = "ros,smote,borderline-1,borderline-2,adasyn,eos"

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


def pooled(found: FeatureTable, classes: tuple[str, ...]) -> tuple[Features, Labels]:
    """Features, and labels in the order of ``classes``."""
    numbers = np.array([classes.index(name) for name in found.folder.classes])
    features = found.layers["pool"].read(slice(None), slice(None)).astype(np.float32)
    return features, numbers[np.array(found.folder.labels)]


def raised(
    method: str | None, features: Features, labels: Labels, seed: int
) -> tuple[Features, Labels]:
    """The samples with those that a method adds: every class as large as the largest."""
    if method is None:
        return features, labels
    counts = np.bincount(labels)
    wanted = {label: int(counts.max() - count) for label, count in enumerate(counts)}
    rng = seeds.generator(seed, "oversample")
    added = OVERSAMPLERS[method](features, labels, wanted, rng)
    return (
        np.concatenate([features, synthesise(features, added)]),
        np.concatenate([labels, labels[added.base]]),
    )


def measured(
    method: str | None,
    train: tuple[Features, Labels],
    test: tuple[Features, Labels],
    classes: tuple[str, ...],
    seed: int,
) -> list[float]:
    """The metrics of one head, and the generalization gap of what it was trained on."""
    features, labels = train
    sides = stratified_split(labels, 0.1, seeds.generator(seed, "validation"))
    (seen, seen_labels), held_out = ((features[side], labels[side]) for side in sides)
    seen, seen_labels = raised(method, seen, seen_labels, seed)
    layer = fit_head(
        seen,
        seen_labels,
        len(classes),
        seed=seed,
        device="cpu",
        judge=lambda layer: balanced_accuracy(layer, *held_out),
    ).layer
    logits = (test[0] @ layer.weight.numpy().T + layer.bias.numpy()).astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found: dict[str, Any] = score(test[1], probabilities, classes)
    gap = generalization_gap(seen, seen_labels, *test).net
    return [*(found[name] for name in METRICS), gap]


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("test", type=click.Path(exists=True, path_type=Path))
@click.option("--methods", default=METHODS, show_default=True)
@click.option("--seeds", "count", default=3, show_default=True)
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--image-size", type=int)
def main(data: Path, test: Path, methods: str, count: int, **options: Any) -> None:
    """Train heads on the embeddings of DATA, and score them on those of TEST."""
    sides = [rebalance.extract(side, **options) for side in (data, test)]
    classes = sides[0].folder.classes
    train, tested = (pooled(side, classes) for side in sides)
    rows = []
    for method in (None, *methods.split(",")):
        found = np.array([measured(method, train, tested, classes, seed) for seed in range(count)])
        shown = [spread(column) for column in found[:, :-1].T]
        rows.append((method or "as they are", *shown, spread(found[:, -1], digits=1)))
        click.echo(f"{rows[-1][0]}: {shown[0]}", err=True)
    click.echo(table(("head trained on", *METRICS, "generalization gap"), rows))


if __name__ == "__main__":
    main()
