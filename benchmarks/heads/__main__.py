"""``python -m benchmarks.heads``; see the package."""

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import rebalance
from benchmarks.heads.images import Images
from benchmarks.heads.scores import chosen, scored
from benchmarks.heads.treatments import Row
from rebalance import seeds
from rebalance.cli.console import table
from rebalance.data.splits import stratified_split
from rebalance.features.table import FeatureTable
from rebalance.heads.scaling import MOST_COMPONENTS
from rebalance.numerics.products import one_blas_thread
from rebalance.studies.intervals import interval

ROWS = (
    "nothing,weights,ros,smote,eos:1,eos:0.5,mixup,nothing+prior,nothing+whiten+prior,"
    "skew-mix+whiten,subclass:min,subclass:4x+prior"
)
HELD_OUT = 0.2  # of DATA, by each seed, where there is no TEST
COLUMNS = ("treatment", "balanced accuracy", "over the first", "+-", "worst recall", "ECE")


def images(found: FeatureTable, classes: tuple[str, ...], layer: str, components: int) -> Images:
    """Features and labels, in the order of ``classes``."""
    numbers = np.array([classes.index(name) for name in found.folder.classes])
    features = found.layers[layer].read(slice(None), slice(None)).astype(np.float32)
    return Images(features, numbers[np.array(found.folder.labels)], components)


def sides(train: Images, test: Images | None, part: float, seed: int) -> tuple[Images, Images]:
    """What a seed trains on and is scored on."""
    if test is not None and part == 1:
        return train, test
    rng = seeds.generator(seed, "split")
    left, out = stratified_split(train.labels, HELD_OUT if test is None else 1 - part, rng)
    return train.take(left), test or train.take(out)


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("test", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--rows", default=ROWS, show_default=True)
@click.option("--seeds", "count", default=10, show_default=True)
@click.option("--part", default=0.8, show_default=True, help="Of DATA, that a seed trains on.")
@click.option("--components", default=MOST_COMPONENTS, show_default=True)
@click.option("--layer", default="embedding", show_default=True)
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--image-size", type=int)
def main(
    data: Path,
    test: Path | None,
    rows: str,
    count: int,
    part: float,
    components: int,
    layer: str,
    **options: Any,
) -> None:
    """Fit heads on features of DATA by each of the rows, and score them on those of TEST."""
    found = [rebalance.extract(side, layers=[layer], **options) for side in (data, test) if side]
    classes = found[0].folder.classes
    train, *others = (images(each, classes, layer, components) for each in found)
    pairs = [sides(train, others[0] if others else None, part, seed) for seed in range(count)]
    shown, first = [], None
    for text in rows.split(","):
        row = Row.parsed(text)
        with one_blas_thread():
            by = chosen(row, pairs[0][0])
            values = np.array(
                [scored(row, by, *pair, classes, seed) for seed, pair in enumerate(pairs)]
            )
        first = values[:, 0] if first is None else first
        correction = 0.0 if others else HELD_OUT / (1 - HELD_OUT)
        shown.append((text, *cells(values, values[:, 0] - first, correction), f"{by.penalty:.2g}"))
        click.echo("  ".join(shown[-1]), err=True)
    click.echo(table((*COLUMNS, "calibrated", "penalty"), shown))


def cells(values: NDArray[np.float64], gains: NDArray[np.float64], correction: float) -> list[str]:
    """The means, and half the interval of what is gained over the first row, as studies have it."""
    balanced, worst, ece, calm = values.mean(axis=0)
    found = interval(gains, correction, np.random.default_rng(0))
    half = 0.0 if found is None else (found.high - found.low) / 2
    return [
        *(f"{balanced:.4f}", f"{gains.mean():+.4f}", f"{half:.4f}"),
        *(f"{worst:.3f}", f"{ece:.3f}", f"{calm:.3f}"),
    ]


if __name__ == "__main__":
    main()
