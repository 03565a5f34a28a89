"""Which criterion finds the true number of subclasses, and do clusters tell more than chance?

    python -m benchmarks.criteria DATA --truth labels.csv

For a folder whose true subclasses are known (or, with --merge, one whose classes are taken for the
subclasses of a single class). The first table is of the classes as they are, clustered as
``rebalance undersample`` does: the best silhouette, what chance gives, the stability, how the
clusterings of five layouts agree with each other and with the truth (adjusted Rand index, ARI), and
how many of three structureless classes with the same columns and correlations are above chance.
The second is of each criterion, space and k-max on classes thinned as in ``benchmarks.coverage``:
the k chosen, its distance from the truth and the ARI, averaged over classes and seeds; and how many
subclasses are still there, and how evenly, when a class is cut to --keep images at random within
the clusters, beside random picks without clusters.
"""

import logging
from itertools import combinations, product
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from benchmarks.coverage import Case, Features, Positions, cases, extracted, kept_shares
from benchmarks.subclasses import read_truth
from rebalance import seeds
from rebalance.cli.console import table
from rebalance.clusters import CRITERIA, find_subclasses, umap_layout
from rebalance.clusters.k_means import clusterings
from rebalance.numerics.pca import InMemory, principal_components
from rebalance.settings import CLUSTER_SPACES
from rebalance.undersampling import PICKERS, allot, pick_per_cluster

LAYOUTS = 5
COPIES = 3
DRAWS = 5


def structureless(features: Features, rng: np.random.Generator) -> Features:
    """Samples of a Gaussian copula: each column's own values, the columns' own correlations."""
    from scipy.stats import norm, rankdata

    samples = len(features)
    scores = norm.ppf(np.apply_along_axis(rankdata, 0, features) / (samples + 1))
    scores -= scores.mean(axis=0)
    scores /= np.maximum(scores.std(axis=0), 1e-9)
    drawn = rng.standard_normal((samples, samples)) @ scores
    drawn /= np.maximum(drawn.std(axis=0), 1e-9)
    ranks = np.minimum((norm.cdf(drawn) * samples).astype(int), samples - 1)
    return np.take_along_axis(np.sort(features, axis=0), ranks, axis=0)


def chances(
    features: Features, labels: Positions, names: tuple[str, ...], truth: NDArray[np.str_]
) -> str:
    """The first table."""
    rows = []
    for label, name in enumerate(names):
        own = np.flatnonzero(labels == label)
        found = [find_subclasses(InMemory(features[own]), seed) for seed in range(LAYOUTS)]
        first = found[0]
        pairs = [adjusted_rand_score(a.labels, b.labels) for a, b in combinations(found, 2)]
        true = np.mean([adjusted_rand_score(truth[own], each.labels) for each in found])
        noise = [
            find_subclasses(InMemory(structureless(features[own], seeds.generator(turn, name))), 0)
            for turn in range(COPIES)
        ]
        rows.append(
            (
                name,
                len(own),
                len(set(truth[own])),
                first.k,
                f"{first.silhouette or 0:.3f}",
                f"{first.chance or 0:.3f}" + ("" if first.above_chance else "*"),
                f"{first.stability or 0:.3f}",
                f"{np.mean(pairs):.3f}",
                f"{true:.3f}",
                sum(bool(each.above_chance) for each in noise),
            )
        )
    header = (
        "class",
        "images",
        "true k",
        "k",
        "silhouette",
        "chance",
        "stability",
        "ARI of layouts",
    )
    return table((*header, "ARI with truth", f"copies above, of {COPIES}"), rows)


def compared(
    features: Features, drawn: list[Case], keep: int, largest: tuple[int, ...], chosen: list[str]
) -> str:
    """The second table, of the classes that have more than ``keep`` images for every seed."""
    small = {name for name, _, members, _ in drawn if len(members) <= keep}
    drawn = [case for case in drawn if case[0] not in small]
    if not drawn:
        return f"{keep} kept: no class has more images than that"
    outcomes: dict[tuple[str, ...], list[list[float]]] = {}
    for name, seed, members, numbers in drawn:
        components = principal_components(InMemory(features[members]))
        places = {
            "map": umap_layout(components, seeds.integer(seed, "umap", name)).astype(np.float64),
            "pca": components,
        }
        rng = seeds.generator(seed, "plain", name)
        plain = [
            kept_shares(numbers[rng.choice(len(members), keep, replace=False)], numbers.max() + 1)
            for _ in range(20)
        ]
        outcomes.setdefault(("random picks", "", ""), []).append(
            [np.nan] * 3 + np.mean(plain, axis=0)[:2].tolist()
        )
        for space in CLUSTER_SPACES:
            fits = clusterings(places[space], max(largest), seed)
            for most, criterion in product(largest, chosen):
                labelings = {k: fit[0] for k, fit in fits.items() if k <= most}
                k = CRITERIA[criterion](places[space], labelings, seed).k
                found = labelings[k] if k > 1 else np.zeros(len(members), np.intp)
                outcomes.setdefault((criterion, space, str(most)), []).append(
                    judged(found, numbers, keep, seeds.generator(seed, "pick", name))
                )
    rows = [
        (*key, *(f"{value:.2f}" if value == value else "" for value in np.mean(values, axis=0)))
        for key, values in outcomes.items()
    ]
    title = f"{len(drawn)} cases of {len({case[0] for case in drawn})} classes"
    header = ("criterion", "space", "k-max", "k", "|k - true|", "ARI", "present", "even")
    return f"{title}, {keep} kept:\n{table(header, rows, left=2)}"


def judged(
    found: NDArray[np.intp], numbers: NDArray[np.intp], keep: int, rng: np.random.Generator
) -> list[float]:
    """k, its distance from the truth, ARI, and what is present and how evenly of those kept."""
    subclasses = int(numbers.max()) + 1
    sizes = np.bincount(found).tolist()
    shares = []
    for _ in range(DRAWS):
        quotas = allot(sizes, keep)
        kept = pick_per_cluster(found, np.zeros(len(found)), quotas, PICKERS["random"], rng)
        shares.append(kept_shares(numbers[kept], subclasses)[:2])
    ari = adjusted_rand_score(numbers, found)
    return [len(sizes), abs(len(sizes) - subclasses), ari, *np.mean(shares, axis=0)]


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--truth", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--merge", is_flag=True, help="The classes of DATA are the subclasses of one.")
@click.option("--thin", default=20.0, show_default=True, help="Commonest to rarest; 1: as is.")
@click.option("--keep", default=60, show_default=True)
@click.option("--k-max", "largest", multiple=True, type=int, default=(9, 20), show_default=True)
@click.option("--seeds", "runs", default=2, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(CRITERIA)))
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--image-size", type=int)
def main(
    data: Path,
    truth: Path | None,
    merge: bool,
    thin: float,
    keep: int,
    largest: tuple[int, ...],
    runs: int,
    only: tuple[str, ...],
    **options: Any,
) -> None:
    """Compare criteria on DATA, whose true subclasses --truth lists (or see --merge)."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    if (truth is None) != merge:
        raise click.UsageError("either --truth or --merge")
    features, labels, folder = extracted(data, options)
    names = folder.classes
    if truth:
        known = read_truth(truth, folder.root, folder.paths)
    else:
        known, names, labels = np.array(names)[labels], ("all",), np.zeros_like(labels)
    click.echo(chances(features, labels, names, known) + "\n")
    drawn = list(cases(names, labels, known, thin, runs))
    click.echo(compared(features, drawn, keep, largest, list(only or CRITERIA)))


if __name__ == "__main__":
    main()
