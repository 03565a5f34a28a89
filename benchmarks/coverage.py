"""Which way of picking keeps the rare subclasses, and does a classifier gain by it?

    python -m benchmarks.coverage DATA --truth labels.csv --test TEST --thin 20

For a folder whose true subclasses are known, each class is thinned so that they are as unequal as
asked (every subclass takes every rank in turn, over the seeds) and cut to a number of images. The
table says how many of the subclasses are still there ("present"), how evenly they share the images
("even": exp of the entropy of the shares over the number of subclasses; "entropy": the entropy over
that of equal shares), and the smallest gain over random, averaged over seeds, among the classes.
The second table is of a linear probe on the features of images kept when all classes are cut to the
smallest: balanced accuracy, and the difference from random with its 95 % interval over seeds (t).
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import rebalance
from benchmarks.subclasses import read_truth
from rebalance import seeds
from rebalance.cli.console import table
from rebalance.clusters import InMemory, find_subclasses, principal_components
from rebalance.splits import stratified_split
from rebalance.undersampling import PICKERS, allot, pick_per_cluster
from rebalance.undersampling.coverage import (
    _inverse_density,
    _k_means,
    _most_typical,
    coverage,
    embed,
)

Features = NDArray[np.floating[Any]]
Positions = NDArray[np.intp]
Candidate = Callable[[Features, int, np.random.Generator], Positions]
DRAWS = 2

Case = tuple[str, int, Positions, NDArray[np.intp]]  # class, seed, members, subclass of each


def random(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    return rng.choice(len(features), wanted, replace=False)


def paper(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """Lehmann & Ebner's, with ``closest``."""
    found = find_subclasses(InMemory(features), int(rng.integers(2**31)))
    quotas = allot(found.sizes, wanted)
    return pick_per_cluster(found.labels, found.distances, quotas, PICKERS["closest"], rng)


def k_means_nearest(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """As many clusters as wanted, of the components; the member nearest to each centre."""
    points = principal_components(InMemory(features))
    regions = _k_means(points, wanted, np.ones(len(points)), rng)
    return filled(_most_typical(points, regions), len(points), wanted, rng)


def k_means_random(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """As many clusters as wanted, of the components; any member of each."""
    regions = _k_means(
        principal_components(InMemory(features)), wanted, np.ones(len(features)), rng
    )
    kept = [rng.choice(np.flatnonzero(regions == region)) for region in np.unique(regions)]
    return filled(np.array(kept), len(features), wanted, rng)


def k_means_shares(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """Equal shares of a third as many clusters as wanted, drawn at random within."""
    clusters = max(2, wanted // 3)
    regions = _k_means(
        principal_components(InMemory(features)), clusters, np.ones(len(features)), rng
    )
    quotas = allot(np.bincount(regions, minlength=clusters).tolist(), wanted)
    return pick_per_cluster(regions, np.zeros(len(regions)), quotas, PICKERS["random"], rng)


def k_centre(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """Farthest first (Gonzalez 1985), on the components."""
    return farthest_first(principal_components(InMemory(features)), wanted, rng)


def k_centre_trimmed(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """The same without the tenth whose neighbours are farthest."""
    points = principal_components(InMemory(features))
    rarest = np.argsort(_inverse_density(points, rng), kind="stable")
    inside = rarest[: max(wanted, int(0.9 * len(points)))]
    return inside[farthest_first(points[inside], wanted, rng)]


def facility_location(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """Greedily, whoever shortens the summed distance to the nearest kept most. N x N: small N."""
    from scipy.spatial.distance import cdist

    points = principal_components(InMemory(features))
    gaps = cdist(points, points)
    nearest = np.full(len(points), gaps.max())
    kept: list[int] = []
    for _ in range(wanted):
        gain = np.maximum(nearest[:, None] - gaps, 0).sum(axis=0)
        gain[kept] = -1
        kept.append(int(gain.argmax()))
        nearest = np.minimum(nearest, gaps[:, kept[-1]])
    return np.array(kept)


def inverse_density(features: Features, wanted: int, rng: np.random.Generator) -> Positions:
    """Drawn with chances inverse to the local density."""
    weights = _inverse_density(embed(features), rng)
    return rng.choice(len(weights), wanted, replace=False, p=weights / weights.sum())


CANDIDATES: dict[str, Candidate] = {
    candidate.__name__.replace("_", "-"): candidate
    for candidate in (
        random,
        paper,
        k_means_nearest,
        k_means_random,
        k_means_shares,
        k_centre,
        k_centre_trimmed,
        facility_location,
        inverse_density,
        coverage,
    )
}


def farthest_first(points: Features, wanted: int, rng: np.random.Generator) -> Positions:
    kept = [int(rng.integers(len(points)))]
    gaps = np.square(points - points[kept[0]]).sum(axis=1)
    while len(kept) < wanted:
        kept.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, np.square(points - points[kept[-1]]).sum(axis=1))
    return np.array(kept)


def filled(kept: Positions, available: int, wanted: int, rng: np.random.Generator) -> Positions:
    rest = np.setdiff1d(np.arange(available), kept)
    return np.concatenate((kept, rng.choice(rest, wanted - len(kept), replace=False)))


def thinned(
    members: Positions, truth: NDArray[np.str_], ratio: float, seed: int, name: str
) -> Positions:
    """Members of one class, its subclasses thinned exponentially so that the rarest is 1/ratio.

    Which is rare turns with the seed, forwards and then backwards: over twice as many seeds as
    subclasses each takes each rank twice.
    """
    if ratio == 1:
        return members
    names, numbers = np.unique(truth[members], return_inverse=True)
    order = np.roll(np.arange(len(names)), seed % len(names))
    if seed // len(names) % 2:
        order = order[::-1]
    smallest = np.bincount(numbers).min()
    rng = seeds.generator(seed, "thin", name)
    left = []
    for rank, number in enumerate(order):
        own = rng.permutation(members[numbers == number])
        share = ratio ** (-rank / max(1, len(names) - 1))
        left.append(own[: max(1, round(smallest * share))])
    return np.sort(np.concatenate(left))


def kept_shares(numbers: NDArray[np.intp], subclasses: int) -> tuple[float, float, float]:
    """Present, even and entropy of the subclass ``numbers`` of the images kept."""
    share = np.bincount(numbers, minlength=subclasses) / len(numbers)
    entropy = float(-(share * np.log(np.where(share > 0, share, 1))).sum())
    return (
        float((share > 0).mean()),
        float(np.exp(entropy) / subclasses),
        entropy / np.log(subclasses),
    )


def cases(
    names: tuple[str, ...],
    labels: NDArray[np.intp],
    truth: NDArray[np.str_],
    ratio: float,
    runs: int,
) -> Iterator[Case]:
    for label, name in enumerate(names):
        for seed in range(runs):
            members = thinned(np.flatnonzero(labels == label), truth, ratio, seed, name)
            yield name, seed, members, np.unique(truth[members], return_inverse=True)[1]


def presence(features: Features, drawn: list[Case], wanted: int, chosen: list[str]) -> str:
    """The first table, of the classes that have more than ``wanted`` images for every seed."""
    small = {name for name, _, members, _ in drawn if len(members) <= wanted}
    drawn = [case for case in drawn if case[0] not in small]
    if not drawn:
        return f"{wanted} kept: no class has more images than that"
    names = np.array([name for name, *_ in drawn])
    outcomes = {}
    for method in chosen:
        # Random, which all are compared with, is averaged over more draws than the others.
        draws = range(20 if method == "random" else DRAWS)
        outcomes[method] = np.array(
            [
                np.mean(
                    [one_outcome(features, case, wanted, method, draw) for draw in draws], axis=0
                )
                for case in drawn
            ]
        )
    rows = []
    for method, values in outcomes.items():
        gains = values - outcomes["random"]
        worst = np.min([gains[names == name].mean(axis=0) for name in set(names)], axis=0)
        means = values.mean(axis=0)
        rows.append((method, *(f"{v:.3f}" for v in means), f"{worst[0]:+.3f}", f"{worst[1]:+.3f}"))
    header = ("picked by", "present", "even", "entropy", "least gain: present", "even")
    title = f"{wanted} kept of each of {len(set(names))} classes, {len(drawn)} cases:"
    return f"{title}\n{table(header, rows)}"


def one_outcome(
    features: Features, case: Case, wanted: int, method: str, draw: int
) -> tuple[float, float, float]:
    name, seed, members, numbers = case
    rng = seeds.generator(seed, "pick", method, name, draw)
    kept = CANDIDATES[method](features[members], wanted, rng)
    return kept_shares(numbers[kept], int(numbers.max()) + 1)


def probed(features: Features, labels: Positions, test: Features, test_labels: Positions) -> float:
    """Balanced accuracy of a logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    # The penalty then has about the same force at any number of columns.
    shrink = np.sqrt(features.shape[1])
    model = LogisticRegression(max_iter=300).fit(scaler.transform(features) / shrink, labels)
    return float(
        balanced_accuracy_score(test_labels, model.predict(scaler.transform(test) / shrink))
    )


def probe(
    sides: list[tuple[Features, Positions, list[Positions], Features, Positions]], chosen: list[str]
) -> str:
    """The second table; a side, one per seed: features, labels, members by class, test set."""
    scores: dict[str, list[float]] = {method: [] for method in chosen}
    for seed, (features, labels, members, test, test_labels) in enumerate(sides):
        smallest = min(map(len, members))
        for method in chosen:
            parts = []
            for label, own in enumerate(members):
                if len(own) > smallest:
                    rng = seeds.generator(seed, "probe", method, label)
                    parts.append(own[CANDIDATES[method](features[own], smallest, rng)])
                else:
                    parts.append(own)
            kept = np.concatenate(parts)
            scores[method].append(probed(features[kept], labels[kept], test, test_labels))
    rows = []
    for method, values in scores.items():
        gains = np.array(values) - scores["random"]
        rows.append(
            (method, f"{np.mean(values):.4f}", f"{gains.mean():+.4f}", f"{interval(gains):.4f}")
        )
    title = f"probe, classes cut to {min(map(len, sides[0][2]))}, {len(sides)} seeds:"
    return f"{title}\n{table(('picked by', 'balanced accuracy', 'over random', '+-'), rows)}"


def interval(gains: NDArray[np.float64]) -> float:
    """Half the 95 % interval of the mean."""
    from scipy.stats import t

    return float(t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))


def extracted(data: Path, options: dict[str, Any]) -> tuple[Features, Positions, Any]:
    found = rebalance.extract(data, layers=["pool"], **options)
    features = found.layers["pool"].read(slice(None), slice(None)).astype(np.float32)
    return features, np.asarray(found.folder.labels), found.folder


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--truth", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--test", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--split", is_flag=True, help="Probe on a stratified 30 % of DATA, anew per seed.")
@click.option(
    "--thin", default=20.0, show_default=True, help="Commonest to rarest subclass; 1: as is."
)
@click.option("--keep", multiple=True, type=int, default=(30, 60, 100), show_default=True)
@click.option("--seeds", "runs", default=10, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(CANDIDATES)))
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--image-size", type=int)
def main(
    data: Path,
    truth: Path | None,
    test: Path | None,
    split: bool,
    thin: float,
    keep: tuple[int, ...],
    runs: int,
    only: tuple[str, ...],
    **options: Any,
) -> None:
    """Compare ways of picking on DATA: subclasses kept (--truth), and a probe (--test, --split)."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    chosen = list(dict.fromkeys(("random", *(only or CANDIDATES))))
    features, labels, folder = extracted(data, options)
    of_class = [np.flatnonzero(labels == label) for label in range(len(folder.classes))]
    sides: list[tuple[Features, Positions, list[Positions], Features, Positions]] = []
    drawn: list[Case] = []
    if truth:
        known = read_truth(truth, folder.root, folder.paths)
        drawn = list(cases(folder.classes, labels, known, thin, runs))
        for wanted in keep:
            click.echo(presence(features, drawn, wanted, chosen) + "\n")
    if test:
        test_features, test_labels, _ = extracted(test, options)
        for seed in range(runs):
            members = [case[2] for case in drawn if case[1] == seed] or of_class
            sides.append((features, labels, members, test_features, test_labels))
    elif split:
        for seed in range(runs):
            train, held = stratified_split(labels.tolist(), 0.3, seeds.generator(seed, "split"))
            left = np.asarray(train)
            members = [left[labels[left] == label] for label in range(len(folder.classes))]
            sides.append((features, labels, members, features[held], labels[held]))
    if sides:
        click.echo(probe(sides, chosen))


if __name__ == "__main__":
    main()
