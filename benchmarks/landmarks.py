"""Do the clusters found on some images of a large class agree with those found on all?

    python -m benchmarks.landmarks --samples 100000 --landmarks 20000,5000
    rebalance extract photos -o features.npz
    python -m benchmarks.landmarks --features features.npz --samples 50000

A class of generated features in seven groups; or of real ones, all classes as one, repeated with
noise of half a standard deviation on every column until there are enough. Each line is held against
the first, which is of all images: adjusted Rand index of the clusters, and how many of 1,000
picked are the same. A second seed says how far two runs on all images agree. ``groups``: the
index against the groups the features were made of, or the classes. ``cover``: how many times
closer the images left out lie to a pick than to a random one.
"""

import time
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from benchmarks.mixtures import clustered_samples
from rebalance.appraisal.cover import compare_with_random
from rebalance.cli.console import table
from rebalance.clusters import Subclasses, find_subclasses
from rebalance.numerics.pca import InMemory, principal_components
from rebalance.undersampling import PICKERS, allot, pick_per_cluster

KEEP = 1000
COLUMNS = 512
BLOCK = 5000

Features = NDArray[np.float16]
Labels = NDArray[np.integer]


def repeated(path: Path, layer: str, samples: int, seed: int) -> tuple[Features, Labels]:
    """Real features, with noise, and their classes."""
    data = np.load(path)
    real, classes = data[layer], data["label"]
    noise = 0.5 * real.std(axis=0, dtype=np.float32)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.arange(samples) % len(real))
    features = np.empty((samples, real.shape[1]), np.float16)
    for start in range(0, samples, BLOCK):
        block = real[chosen[start : start + BLOCK]].astype(np.float32)
        block += noise * rng.standard_normal(block.shape, dtype=np.float32)
        features[start : start + BLOCK] = np.maximum(block, 0)
    return features, classes[chosen]


def picks(found: Subclasses) -> NDArray[np.intp]:
    quotas = allot(found.sizes, KEEP)
    rng = np.random.default_rng(0)
    return pick_per_cluster(found.labels, found.distances, quotas, PICKERS["closest"], rng)


@click.command()
@click.option("--samples", default=50_000, show_default=True)
@click.option("--landmarks", default="20000,10000,5000", show_default=True)
@click.option("--features", type=click.Path(exists=True, path_type=Path))
@click.option("--layer", default="pool", show_default=True)
@click.option("--seeds", default=2, show_default=True, help="Draws of landmarks.")
def main(samples: int, landmarks: str, features: Path | None, layer: str, seeds: int) -> None:
    """Cluster one large class on all of it, and on some of it."""
    if features is None:
        drawn, groups = clustered_samples(samples, COLUMNS, 0)
        values = drawn.astype(np.float16)
    else:
        values, groups = repeated(features, layer, samples, 0)
    components = principal_components(InMemory(values))
    rows: list[tuple[object, ...]] = []
    first: tuple[Subclasses, NDArray[np.intp]] | None = None
    jobs = [("none", seed) for seed in range(2)]
    jobs += [(wanted, seed) for wanted in landmarks.split(",") for seed in range(seeds)]
    for wanted, seed in jobs:
        start = time.perf_counter()
        found = find_subclasses(InMemory(values), seed, landmarks=wanted)
        seconds = time.perf_counter() - start
        kept = picks(found)
        first = first or (found, kept)
        same = adjusted_rand_score(first[0].labels, found.labels)
        cover = compare_with_random(components, kept, np.random.default_rng(0))
        rows.append(
            (
                "all" if wanted == "none" else f"{int(wanted):,}",
                seed,
                found.k,
                f"{found.silhouette or 0:.3f}",
                f"{same:.3f}",
                f"{adjusted_rand_score(groups, found.labels):.3f}",
                len(np.intersect1d(kept, first[1])),
                f"{cover.mean_closer or 0:.3f}",
                f"{seconds:.1f}",
            )
        )
    header = ("landmarks", "seed", "k", "silhouette", "ARI", "groups", "picks", "cover", "seconds")
    click.echo(table(header, rows))


if __name__ == "__main__":
    main()
