"""How often are suspects mislabelled, and how many of the mislabelled are found?

    python -m benchmarks.suspects DATA --foreign OTHER

A share of the images of DATA, at random, gets another class's label, each other class as likely. Of
every rule the table says how many images it flags with the labels as they are ("clean"), what part
of those flagged among the moved ones were moved ("precision"), what part of the moved ones is
flagged ("recall"), and that of strangers: images of OTHER that are put among those of DATA under
random labels. Averages over seeds. ``*`` marks the rules of ``rebalance undersample --suspects``.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import rebalance
from rebalance import seeds
from rebalance.appraisal import suspects as shipped
from rebalance.cli.console import table
from rebalance.features.cache import StoredFeatures
from rebalance.neighbours import nearest
from rebalance.numerics.comparison import project

Flags = NDArray[np.bool_]
Labels = NDArray[np.intp]
Rule = Callable[["Scene", Labels], Flags]


class Scene:
    """Points, and the neighbours of each, which do not depend on labels."""

    def __init__(self, features: NDArray[np.float16], seed: int) -> None:
        count = len(features)
        stored = StoredFeatures([features], np.zeros(count, np.intp), np.arange(count))
        self.points = project(stored, seeds.generator(seed, "space"))
        self.found = nearest(self.points, shipped.NEIGHBOURS)

    def nearest(self, points: NDArray[Any], count: int) -> Any:
        return self.found if len(points) == len(self.points) else nearest(points, count)


def inside(need: int, own: int, scene: Scene, labels: Labels) -> Flags:
    """At least ``need`` neighbours of one other class, and at most ``own`` of one's own."""
    around = labels[scene.found[0]]
    counts = np.stack([(around == label).sum(axis=1) for label in range(labels.max() + 1)], axis=1)
    rows = np.arange(len(labels))
    mine = counts[rows, labels]
    counts[rows, labels] = 0
    judged = np.bincount(labels)[labels] >= shipped.LEAST
    return judged & (mine <= own) & (counts.max(axis=1) >= need)


def outlier(deviations: float, scene: Scene, labels: Labels) -> Flags:
    """So many robust standard deviations above the median of the class."""
    flags = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) >= shipped.LEAST:
            logs = np.log(nearest(scene.points[members], shipped.NEIGHBOURS)[1][:, -1] + 1e-12)
            middle = np.median(logs)
            spread = shipped.MAD_TO_DEVIATION * np.median(np.abs(logs - middle))
            flags[members] = logs > middle + deviations * spread
    return flags


def ours(scene: Scene, labels: Labels) -> Flags:
    """What the command flags."""
    names = [str(label) for label in range(labels.max() + 1)]
    found = shipped.suspects(scene.points, labels, names, scene.nearest)
    return np.isin(np.arange(len(labels)), list(found))


RULES: dict[str, Rule] = {
    "8 of 10": partial(inside, 8, 10),
    "9 of 10": partial(inside, 9, 10),
    "7 of 10, none own": partial(inside, 7, 0),
    "8 of 10, none own *": partial(inside, 8, 0),
    "9 of 10, none own": partial(inside, 9, 0),
    "outlier, 2.5": partial(outlier, 2.5),
    "outlier, 3 *": partial(outlier, 3.0),
    "outlier, 4": partial(outlier, 4.0),
    "both, as shipped": ours,
}


def moved(labels: Labels, share: float, seed: int) -> tuple[Labels, Flags]:
    """The labels after some moved, and which did."""
    rng = seeds.generator(seed, "move")
    which = rng.choice(len(labels), round(share * len(labels)), replace=False)
    classes = int(labels.max()) + 1
    changed = labels.copy()
    changed[which] = (changed[which] + rng.integers(1, classes, len(which))) % classes
    return changed, np.isin(np.arange(len(labels)), which)


def tell(
    features: NDArray[np.float16],
    labels: Labels,
    strangers: NDArray[np.float16] | None,
    share: float,
    runs: int,
) -> str:
    scene = Scene(features, 0)
    crowds = (
        []
        if strangers is None
        else [with_strangers(features, labels, strangers, seed) for seed in range(runs)]
    )
    rows = []
    for name, rule in RULES.items():
        clean = rule(scene, labels)
        scores = []
        for seed in range(runs):
            changed, which = moved(labels, share, seed)
            flags = rule(scene, changed)
            hits = np.count_nonzero(flags & which)
            scores.append((flags.sum(), hits / max(1, flags.sum()), hits / which.sum()))
        count, precision, recall = np.mean(scores, axis=0)
        row = [name, clean.sum(), f"{clean.mean():.2%}", f"{count:.0f}", f"{precision:.2f}"]
        row.append(f"{recall:.2f}")
        if crowds:
            found = [rule(crowd, given)[len(labels) :].mean() for crowd, given in crowds]
            row.append(f"{np.mean(found):.2f}")
        rows.append(row)
    header = ["rule", "clean", "of all", "flagged", "precision", "recall"]
    return table([*header, "strangers"] if crowds else header, rows)


def with_strangers(
    features: NDArray[np.float16], labels: Labels, strangers: NDArray[np.float16], seed: int
) -> tuple[Scene, Labels]:
    """As many strangers as a hundredth of the images, at the end, under random labels."""
    rng = seeds.generator(seed, "strangers")
    drawn = rng.choice(len(strangers), max(1, len(labels) // 100), replace=False)
    given = rng.integers(0, labels.max() + 1, len(drawn))
    scene = Scene(np.concatenate((features, strangers[drawn])), seed)
    return scene, np.concatenate((labels, given))


def extracted(data: Path, options: dict[str, Any]) -> tuple[NDArray[np.float16], Labels]:
    found = rebalance.extract(data, layers=["pool"], **options)
    return found.layers["pool"].read(slice(None), slice(None)), np.asarray(found.folder.labels)


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--foreign", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--noise", default=0.05, show_default=True, help="Share of labels that move.")
@click.option("--seeds", "runs", default=5, show_default=True)
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--cache-dir", type=click.Path(file_okay=False, path_type=Path))
def main(data: Path, foreign: Path | None, noise: float, runs: int, **options: Any) -> None:
    """Move labels of DATA, and see which rules notice."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    features, labels = extracted(data, options)
    strangers = None if foreign is None else extracted(foreign, options)[0]
    click.echo(f"{len(labels)} images, {noise:.0%} of the labels moved, {runs} seeds:")
    click.echo(tell(features, labels, strangers, noise, runs))


if __name__ == "__main__":
    main()
