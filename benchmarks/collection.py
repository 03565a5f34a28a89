"""Do learning curves foretell what more images bring?

    python -m benchmarks.collection photos/train --test photos/test --draws 10 \\
        --extractor weights.pth --arch mobilenet_v2

Of each class a third of its images (at most ``--most``) is what somebody has; the others are held
back. ``learning_curves`` sees what somebody has, and foretells what more of each class brings.
Then so many of those held back are added to one class, and a probe of the full width (384
components, whitened, divided by the prior) is fitted anew and scored on the test images; without
``--test`` two fifths of the images are set aside for that.

A true gain is itself measured on a limited number of images: its standard error comes from the
images on which the two probes differ. ``held`` counts how often the interval holds the measured
gain; ``with noise``, how often it does when it is widened by that standard error, which is what an
interval for something that is measured so coarsely has to be held against.
"""

import csv
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.coverage.samples import extracted
from rebalance import seeds
from rebalance.cli.console import table
from rebalance.collection import learning_curves
from rebalance.heads.choices import WHITEN
from rebalance.heads.examples import Examples
from rebalance.heads.linear import Linear
from rebalance.heads.logistic import fit_logistic
from rebalance.heads.scaling import standardised
from rebalance.numerics.products import one_blas_thread
from rebalance.oversampling.soft_labels import SoftLabels

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]


class Trial(NamedTuple):
    """One gain that was foretold, and the true one: of balanced accuracy."""

    draw: int
    label: str
    have: int
    more: int
    predicted: float
    low: float
    high: float
    verdict: str
    true: float
    error: float

    @property
    def held(self) -> bool:
        return self.low <= self.true <= self.high

    def held_with_noise(self, level: float) -> bool:
        noise = norm.isf((1 - level) / 2) * self.error
        low = self.predicted - np.hypot(self.predicted - self.low, noise)
        high = self.predicted + np.hypot(self.high - self.predicted, noise)
        return bool(low <= self.true <= high)


class Images(NamedTuple):
    """Features [N, D] and labels [N]."""

    features: Floats
    labels: NDArray[np.int64]

    def at(self, places: Positions) -> "Images":
        return Images(self.features[places], self.labels[places])


class Probe:
    """The probe that is to gain: fitted on images, it recognises test images."""

    def __init__(self, images: Images, test: Images, penalty: float) -> None:
        scaling = standardised(images.features)
        self.inputs, self.tested = scaling(images.features), scaling(test.features)
        self.labels, self.truth, self.penalty = images.labels, test.labels, penalty
        self.classes = int(images.labels.max()) + 1

    def right(self, places: Positions, start: Linear | None = None) -> tuple[Floats, Linear]:
        """Which test images it recognises after learning from those at ``places``."""
        labels = self.labels[places]
        plain = Examples(self.inputs[places], SoftLabels.plain(labels), np.ones(self.classes))
        fitted, turn = plain.turned(WHITEN)
        layer = fit_logistic(fitted, self.penalty, start=start, tolerance=1e-4)
        found = layer.logits(self.tested @ turn) - np.log(fitted.amounts)
        return found.argmax(axis=1) == self.truth, layer

    def gain(self, before: Floats, after: Floats) -> tuple[float, float]:
        """The difference in balanced accuracy, and its standard error."""
        apart = after.astype(float) - before
        each = [apart[self.truth == label] for label in range(self.classes)]
        variance = sum(own.var(ddof=1) / len(own) for own in each) / len(each) ** 2
        return float(np.mean([own.mean() for own in each])), float(np.sqrt(variance))


def trials(
    images: Images, test: Images | None, classes: Sequence[str], draw: int, most: int, repeats: int
) -> Iterator[Trial | float]:
    """Yield what came of one draw, and at last the seconds that the curves took."""
    rng = seeds.generator(draw, "collection benchmark")
    pool = rng.permutation(len(images.labels))
    if test is None:
        aside = len(pool) * 2 // 5
        test, pool = images.at(pool[:aside]), pool[aside:]
    own = [pool[images.labels[pool] == label] for label in range(len(classes))]
    have = [each[: min(len(each) // 3, most)] for each in own]
    back = [each[len(first) :] for each, first in zip(own, have, strict=True)]
    user = np.concatenate(have)
    seen = images.at(user)
    record = learning_curves(
        seen.features,
        seen.labels,
        classes,
        subclasses=[""] * len(user),
        seed=draw,
        repeats=repeats,
    )
    probe = Probe(images, test, record["penalty"])
    before, layer = probe.right(user)
    for need in record["classes"]:
        label = classes.index(need["label"])
        for gain in need["gains"]:
            if gain["more"] > len(back[label]):
                continue
            more = np.concatenate([user, back[label][: gain["more"]]])
            true, error = probe.gain(before, probe.right(more, layer)[0])
            yield Trial(
                draw,
                need["label"],
                len(have[label]),
                gain["more"],
                gain["balanced_accuracy"],
                *gain["interval"],
                gain["verdict"],
                true,
                error,
            )
    yield record["seconds"]


def by_class(found: Sequence[Trial], level: float) -> Iterator[tuple[Any, ...]]:
    """The rows of the table: a class and so many more of it, or as many again, over all draws."""
    kinds: dict[tuple[str, int], list[Trial]] = {}
    for trial in found:
        kinds.setdefault((trial.label, trial.more * (trial.more != trial.have)), []).append(trial)
    for (label, more), own in sorted(kinds.items()):
        mean = np.mean([[t.predicted, t.low, t.high, t.true, t.error] for t in own], axis=0)
        yield (
            label,
            f"{np.mean([t.have for t in own]):.0f} + {more or 'as many'}",
            f"{mean[0]:+.4f} ({mean[1]:+.4f} to {mean[2]:+.4f})",
            f"{mean[3]:+.4f} ± {mean[4] / np.sqrt(len(own)):.4f}",
            f"{sum(t.held for t in own)}, {sum(t.held_with_noise(level) for t in own)}"
            f" of {len(own)}",
        )


def summary(found: Sequence[Trial], level: float) -> Iterator[tuple[Any, ...]]:
    """How often intervals hold, by how far away they speak of and by what they say."""
    groups = {
        "all": found,
        "up to half as many more": [t for t in found if t.more < 0.75 * t.have],
        "about twice": [t for t in found if 0.75 * t.have <= t.more < 1.5 * t.have],
        "three or four times": [t for t in found if t.more >= 1.5 * t.have],
        "said: gain": [t for t in found if t.verdict == "gain"],
        "said: nothing": [t for t in found if t.verdict == "nothing"],
        "said: open": [t for t in found if t.verdict == "open"],
    }
    for name, own in groups.items():
        if own:
            yield (
                name,
                len(own),
                f"{np.mean([t.predicted for t in own]):+.4f}",
                f"{np.mean([t.true for t in own]):+.4f}",
                f"{np.median([t.high - t.low for t in own]):.4f}",
                f"{np.median([t.error for t in own]):.4f}",
                f"{np.mean([t.held for t in own]):.0%}",
                f"{np.mean([t.held_with_noise(level) for t in own]):.0%}",
            )


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--test", type=click.Path(exists=True, path_type=Path))
@click.option("--draws", default=10, show_default=True)
@click.option("--first", default=0, show_default=True, help="Number of the first draw.")
@click.option("--most", default=300, show_default=True, help="Images of a class that one has.")
@click.option("--repeats", default=2, show_default=True)
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--image-size", type=int)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Every trial, as CSV.")
def main(
    data: Path,
    test: Path | None,
    draws: int,
    first: int,
    most: int,
    repeats: int,
    output: Path | None,
    **options: Any,
) -> None:
    """Hold predicted gains against those that images held back bring."""
    features, labels, folder = extracted(data, options)
    images, tested = Images(features.astype(float), labels.astype(np.int64)), None
    if test is not None:
        features, labels, other = extracted(test, options)
        number = np.array([folder.classes.index(name) for name in other.classes])
        tested = Images(features.astype(float), number[labels])
    found: list[Trial] = []
    seconds: list[float] = []
    with one_blas_thread():
        for draw in range(first, first + draws):
            began = time.perf_counter()
            for each in trials(images, tested, folder.classes, draw, most, repeats):
                (seconds if isinstance(each, float) else found).append(each)  # type: ignore[arg-type]
            click.echo(f"draw {draw}: {time.perf_counter() - began:.0f} s", err=True)
    if output is not None:
        with output.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(Trial._fields)
            rows.writerows(found)
    header = ("class", "has + more", "foretold", "true", "held, with noise")
    click.echo(table(header, by_class(found, 0.9)))
    header_of_all = ("gains", "trials", "foretold", "true", "width", "noise", "held", "with noise")
    click.echo(table(header_of_all, summary(found, 0.9)))
    click.echo(f"{np.median(seconds):.0f} s for the curves of a draw")


if __name__ == "__main__":
    main()
