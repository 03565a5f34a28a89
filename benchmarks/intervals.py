"""Do the intervals of a study hold what they promise?

    python -m benchmarks.intervals --data-sets 1000

Draws many data sets from one known source, runs a small study on each (two classifiers that differ
in how they weigh the classes; repeated cross-validation, or one split for each seed) and counts how
often an interval of the difference in a metric holds the true difference: its mean over many other
data sets of the same size, scored on a very large test set. 95 % is what was promised.

``naive``: a bootstrap over all pairs. ``by seed``: a bootstrap over seeds of the means over folds.
``corrected t``: Nadeau & Bengio's. ``widened``: ours, ``rebalance.studies.intervals``. Beside the
coverage stands the median width.
"""

from collections.abc import Callable, Iterator

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from rebalance.cli.console import table
from rebalance.studies.intervals import interval

Floats = NDArray[np.float64]
Method = Callable[[Floats, float, np.random.Generator], tuple[float, float]]
COUNTS = (160, 60, 20)  # images of each class
COLUMNS = 8
CENTRES = np.eye(3, COLUMNS) * 1.6
DRAWS = 1000


def draw(rng: np.random.Generator, times: int = 1) -> tuple[Floats, NDArray[np.intp]]:
    """Points [N, COLUMNS] of three classes, and their labels."""
    labels = np.repeat(np.arange(3), np.array(COUNTS) * times)
    return CENTRES[labels] + rng.normal(size=(len(labels), COLUMNS)), labels


def recalls(
    train: Floats, labels: NDArray[np.intp], test: Floats, truth: NDArray[np.intp], prior: float
) -> Floats:
    """Of the classifier by nearest mean, the log of a class's size added ``prior`` times."""
    means = np.stack([train[labels == label].mean(axis=0) for label in range(3)])
    counts = np.bincount(labels, minlength=3)
    score = test @ means.T - (means**2).sum(axis=1) / 2 + prior * np.log(counts)
    found = score.argmax(axis=1)
    return np.array([(found[truth == label] == label).mean() for label in range(3)])


METRICS: dict[str, Callable[[Floats], float]] = {
    "balanced accuracy": lambda recall: float(recall.mean()),
    "G-mean": lambda recall: float(recall.prod() ** (1 / 3)),
}


def folds_of(labels: NDArray[np.intp], folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The fold of each image, every class dealt out evenly."""
    place = np.empty(len(labels), np.intp)
    for label in range(3):
        members = rng.permutation(np.flatnonzero(labels == label))
        place[members] = np.arange(len(members)) % folds
    return place


def differences(
    rng: np.random.Generator, seeds: int, folds: int, run: int, priors: tuple[float, float]
) -> Floats:
    """One study: [seeds, folds run, metric, 2 treatments]."""
    points, labels = draw(rng)
    found = np.empty((seeds, run, len(METRICS), 2))
    for seed in range(seeds):
        place = folds_of(labels, folds, rng)
        for fold in range(run):
            out = place == fold
            for side, prior in enumerate(priors):
                recall = recalls(points[~out], labels[~out], points[out], labels[out], prior)
                found[seed, fold, :, side] = [metric(recall) for metric in METRICS.values()]
    return found


def truth(
    folds: int, priors: tuple[float, float], rng: np.random.Generator, times: int = 20_000
) -> Floats:
    """The mean difference [metric], over training sets as large as those of the folds.

    The validation sets are as small as theirs too: the G-mean of few images is biased.
    """
    mean = np.mean([differences(rng, 1, folds, 1, priors)[0, 0] for _ in range(times)], axis=0)
    return np.asarray(mean[:, 1] - mean[:, 0])


def naive(values: Floats, correction: float, rng: np.random.Generator) -> tuple[float, float]:
    flat = values.ravel()
    low, high = np.quantile(rng.choice(flat, (DRAWS, flat.size)).mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def by_seed(values: Floats, correction: float, rng: np.random.Generator) -> tuple[float, float]:
    return naive(values.mean(axis=1), correction, rng)


def corrected_t(values: Floats, correction: float, rng: np.random.Generator) -> tuple[float, float]:
    flat = values.ravel()
    half = t.isf(0.025, flat.size - 1) * flat.std(ddof=1) * np.sqrt(1 / flat.size + correction)
    return float(flat.mean() - half), float(flat.mean() + half)


def widened(values: Floats, correction: float, rng: np.random.Generator) -> tuple[float, float]:
    found = interval(values.ravel(), correction, rng)
    return found or (float(values.mean()), float(values.mean()))


METHODS: dict[str, Method] = {
    "naive": naive,
    "by seed": by_seed,
    "corrected t": corrected_t,
    "widened": widened,
}
DESIGNS = {  # seeds, folds a set is cut into, folds run of each
    "5 folds": (1, 5, 5),
    "3 seeds of 3 folds": (3, 3, 3),
    "3 seeds of 5 folds": (3, 5, 5),
    "10 seeds of 5 folds": (10, 5, 5),
    "5 seeds, a fifth held out": (5, 5, 1),
}


def measure(data_sets: int, seed: int) -> Iterator[tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    for name, (seeds, folds, run) in DESIGNS.items():
        expected = truth(folds, (1.0, 0.0), rng)
        studies = [differences(rng, seeds, folds, run, (1.0, 0.0)) for _ in range(data_sets)]
        for place, metric in enumerate(METRICS):
            cells = []
            for method in METHODS.values():
                found = np.array(
                    [
                        method(each[:, :, place, 1] - each[:, :, place, 0], 1 / (folds - 1), rng)
                        for each in studies
                    ]
                )
                held = (found[:, 0] <= expected[place]) & (expected[place] <= found[:, 1])
                width = np.median(found[:, 1] - found[:, 0])
                cells.append(f"{100 * held.mean():.1f} % ({width:.3f})")
            yield name, metric, *cells


@click.command()
@click.option("--data-sets", default=1000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(data_sets: int, seed: int) -> None:
    """How often the intervals hold the true difference, and how wide they are."""
    click.echo(table(("study", "metric", *METHODS), measure(data_sets, seed), 2))


if __name__ == "__main__":
    main()
