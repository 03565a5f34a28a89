"""Is our layout as good as umap-learn's, class by class, over seeds?

    rebalance extract photos/train -o features.npz
    python -m benchmarks.layouts features.npz

For each class: how true the map is to the neighbourhoods of the principal components
(trustworthiness), the best silhouette and the k it chooses, and by how far the clusters of two maps
agree (adjusted Rand index): one of each kind, two of umap-learn's with different seeds, and two of
ours. Seconds are of one processor, after everything is compiled.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score

from rebalance.cli.console import table
from rebalance.clusters.k_means import clusterings
from rebalance.clusters.layouts import LAYOUTS
from rebalance.clusters.silhouette import silhouettes
from rebalance.numerics.pca import InMemory, principal_components
from rebalance.settings import SelectionOptions

FEWEST = 120  # images of a class that is looked at


@dataclass(frozen=True)
class Map:
    """One layout of one class, and what k-means makes of it."""

    trust: float
    silhouette: float
    k: int
    labels: NDArray[np.intp]
    seconds: float


def drawn(layout: Callable[[Any, int], Any], components: NDArray[Any], seed: int) -> Map:
    start = time.process_time()
    points = layout(components, seed).astype(np.float64)
    seconds = time.process_time() - start
    fits = clusterings(points, SelectionOptions.k_max, 0)
    scores = silhouettes(points, [fit[0] for fit in fits.values()])
    best = int(np.argmax(scores))
    k = list(fits)[best]
    trust = trustworthiness(components, points, n_neighbors=15)
    return Map(trust, scores[best], k, fits[k][0], seconds)


def agreement(pairs: Any) -> str:
    return f"{statistics.mean(adjusted_rand_score(a.labels, b.labels) for a, b in pairs):.2f}"


def mean(maps: list[Map], what: str) -> float:
    return statistics.mean(getattr(each, what) for each in maps)


@click.command()
@click.argument("features", type=click.Path(exists=True, path_type=Path))
@click.option("--layer", default="pool", show_default=True)
@click.option("--seeds", default=3, show_default=True)
def main(features: Path, layer: str, seeds: int) -> None:
    """Compare the layouts on every class of a feature table."""
    data = np.load(features)
    rows = []
    for layout in LAYOUTS.values():  # compiled before anything is timed
        layout(np.random.default_rng(0).normal(size=(100, 5)), 0)
    for label, name in enumerate(data["classes"]):
        members = np.ascontiguousarray(data[layer][data["label"] == label].astype(np.float32))
        if len(members) < FEWEST:
            continue
        components = principal_components(InMemory(members))
        fast, umap = (
            [drawn(LAYOUTS[kind], components, seed) for seed in range(seeds)]
            for kind in ("fast", "umap")
        )
        rows.append(
            (
                str(name),
                len(members),
                f"{mean(fast, 'trust'):.3f} {mean(umap, 'trust'):.3f}",
                f"{mean(fast, 'silhouette'):.3f} {mean(umap, 'silhouette'):.3f}",
                " ".join(str(each.k) for each in fast),
                " ".join(str(each.k) for each in umap),
                agreement(product(fast, umap)),
                agreement(combinations(umap, 2)),
                agreement(combinations(fast, 2)),
                f"{mean(fast, 'seconds'):.2f} {mean(umap, 'seconds'):.2f}",
            )
        )
    header = ("class", "images", "trust f u", "silhouette f u", "k fast", "k umap")
    header += ("ARI f-u", "ARI u-u", "ARI f-f", "seconds f u")
    click.echo(table(header, rows))


if __name__ == "__main__":
    main()
