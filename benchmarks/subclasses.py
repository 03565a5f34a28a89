"""Are the clusters the true subclasses, and does picking from them keep the rare ones?

    python -m benchmarks.subclasses sample_data/train sample_data/subclasses.csv --keep loops=60

For a folder whose true subclasses are known: per class and layer the k found, the adjusted Rand
index (ARI) and normalised mutual information (NMI) of the clusters against the truth; and for one
class cut down, how evenly the true subclasses are kept, over seeds, against plain random.
"""

import csv
import logging
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

import rebalance
from rebalance import seeds
from rebalance.cli.console import table
from rebalance.clusters import Subclasses, find_subclasses
from rebalance.features.table import FeatureTable
from rebalance.undersampling import PICKERS, allot, pick_per_cluster


def read_truth(path: Path, root: Path, paths: tuple[str, ...]) -> NDArray[np.str_]:
    """The true subclass of each image; the CSV names files relative to its own folder or DATA."""
    with path.open(newline="", encoding="utf-8") as file:
        named = {
            row.get("file_name") or row["path"]: row["subclass"] for row in csv.DictReader(file)
        }
    for folder in (path.parent, root):
        truth = {(folder / name).resolve(): subclass for name, subclass in named.items()}
        missing = [name for name in paths if (root / name).resolve() not in truth]
        if not missing:
            return np.array([truth[(root / name).resolve()] for name in paths])
    raise click.UsageError(
        f"{str(path)!r} must name every image, relative to its own folder or to DATA, but it lacks "
        f"{len(missing)} of {len(paths)}, such as {missing[0]!r}"
    )


def cluster(features: FeatureTable, layer: str, label: int, seed: int) -> Subclasses:
    """The clusters of one class as ``rebalance undersample`` finds them."""
    stream = seeds.integer(seed, "subclasses", features.folder.classes[label], layer)
    return find_subclasses(features.layers[layer].take(features.members(label)), stream)


def agreement(features: FeatureTable, truth: NDArray[np.str_], seed: int) -> str:
    """A table of k, silhouette, ARI and NMI per class and layer; * is what ``auto`` takes."""
    rows = []
    for label, name in enumerate(features.folder.classes):
        members = features.members(label)
        found = {layer: cluster(features, layer, label, seed) for layer in features.layers}
        best = max(found, key=lambda layer: found[layer].silhouette or -2)
        for layer, each in found.items():
            rows.append(
                (
                    name,
                    layer + ("*" if layer == best else ""),
                    len(members),
                    len(set(truth[members])),
                    each.k,
                    f"{each.silhouette or float('nan'):.3f}",
                    f"{adjusted_rand_score(truth[members], each.labels):.3f}",
                    f"{normalized_mutual_info_score(truth[members], each.labels):.3f}",
                )
            )
    header = ("class", "layer", "images", "subclasses", "k", "silhouette", "ARI", "NMI")
    return table(header, rows, left=2)


def evenness(
    features: FeatureTable, truth: NDArray[np.str_], layer: str, label: int, keep: int, runs: int
) -> str:
    """How evenly true subclasses are kept: smallest share and normalised entropy, over seeds."""
    members = features.members(label)
    names, numbers = np.unique(truth[members], return_inverse=True)
    shares: dict[str, list[NDArray[np.float64]]] = {"all images": []}
    for seed in range(runs):
        found = cluster(features, layer, label, seed)
        quotas = allot(found.sizes, keep)
        draws = {
            name: pick_per_cluster(
                found.labels,
                found.distances,
                quotas,
                pick,
                seeds.generator(seed, "pick", name),
                found.components,
            )
            for name, pick in PICKERS.items()
        }
        rng = seeds.generator(seed, "plain random")
        draws["plain random"] = rng.choice(len(members), keep, replace=False)
        for name, kept in {**draws, "all images": np.arange(len(members))}.items():
            counts = np.bincount(numbers[kept], minlength=len(names))
            shares.setdefault(name, []).append(counts / counts.sum())
    rows = []
    for name, runs_of in shares.items():
        share = np.array(runs_of)
        entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(1) / np.log(len(names))
        rows.append(
            (
                name,
                f"{share.min(1).mean():.3f}",
                f"{share.min(1).min():.3f}",
                f"{(share > 0).sum(1).mean():.2f}",
                f"{entropy.mean():.3f}",
            )
        )
    header = ("picked by", "smallest share", "worst seed", f"of {len(names)} kept", "evenness")
    return table(header, rows)


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("truth", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--keep", help="NAME=N: cut this class to N images.")
@click.option("--layer", default="pool", show_default=True, help="Layer for --keep.")
@click.option("--seeds", "runs", default=20, show_default=True, help="Seeds for --keep.")
@click.option("--extractor", default="finetune", show_default=True)
@click.option("--arch")
@click.option("--init", default="scratch", show_default=True)
@click.option("--image-size", type=int)
@click.option("--seed", default=0, show_default=True)
def main(
    data: Path, truth: Path, keep: str | None, layer: str, runs: int, seed: int, **extractor: object
) -> None:
    """Compare the clusters of DATA with the subclasses that TRUTH (a CSV) lists."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    features = rebalance.extract(data, layers=["auto"], seed=seed, **extractor)  # type: ignore[arg-type]
    known = read_truth(truth, features.folder.root, features.folder.paths)
    click.echo(agreement(features, known, seed))
    if keep:
        name, _, count = keep.rpartition("=")
        label = features.folder.classes.index(name)
        click.echo(f"\n{name}, {len(features.members(label))} images cut to {count}, by {layer}:")
        click.echo(evenness(features, known, layer, label, int(count), runs))


if __name__ == "__main__":
    main()
