"""Does bfloat16 change what is kept? Its effect beside that of another seed and of rounding noise.

    python -m benchmarks.precision photos --arch mobilenet_v2 --extractor weights.pth

Features of every image in float32 and in bfloat16, both rounded to float16 as the cache does. Each
class of enough images is cut to a quarter, by subclasses (``closest``) and by coverage, with
several seeds. Compared are float32 with bfloat16 and with float32 under relative noise of 1e-6, the
seed being the same, and two seeds in float32: the overlap of the picks (the share of one's that are
the other's too) and the adjusted Rand index of the clusters, each a mean over classes and seeds.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from benchmarks.extraction import loaded
from rebalance.cli.console import table
from rebalance.clusters import find_subclasses
from rebalance.data.files import read_bytes
from rebalance.data.folder import scan
from rebalance.features.extractors import BATCH
from rebalance.forward import processor
from rebalance.forward.passes import ForwardPass, Picture, batched
from rebalance.forward.reading import read_pixels
from rebalance.numerics.pca import InMemory
from rebalance.parallel import chosen_workers, ordered_map
from rebalance.undersampling import PICKERS, allot, pick_per_cluster
from rebalance.undersampling.coverage import coverage

NOISE = 1e-6
SHARE = 4  # one of so many images is kept
CASES = ("bfloat16", "noise of 1e-6", "another seed")


@dataclass(frozen=True)
class Outcome:
    """What came of one class with one seed: clusters, and the images kept in either way."""

    k: int
    labels: NDArray[np.intp]
    subclass: frozenset[int]
    coverage: frozenset[int]

    def beside(self, other: "Outcome") -> tuple[float, float, float]:
        """Overlap of the picks by subclass and by coverage, and the agreement of the clusters."""
        return (
            len(self.subclass & other.subclass) / len(self.subclass),
            len(self.coverage & other.coverage) / len(self.coverage),
            float(adjusted_rand_score(self.labels, other.labels)),
        )


def features(root: Path, paths: list[str], forward: ForwardPass) -> NDArray[np.float32]:
    workers = chosen_workers(None)

    def read(path: str) -> tuple[bytes, Picture]:
        return b"", read_pixels(read_bytes(root / path), forward.transform)

    batches = batched(ordered_map(read, paths, workers), forward.batch_size)
    passes = processor.pass_batches(batches, forward, workers)
    return np.concatenate([passed.features[forward.layers[0]] for passed in passes])


def outcome(values: NDArray[np.float16], seed: int) -> Outcome:
    wanted = len(values) // SHARE
    found = find_subclasses(InMemory(values), seed)
    picked = pick_per_cluster(
        found.labels,
        found.distances,
        allot(found.sizes, wanted),
        PICKERS["closest"],
        np.random.default_rng(seed),
    )
    kept = coverage(values.astype(np.float32), wanted, np.random.default_rng(seed))
    return Outcome(found.k, found.labels, frozenset(picked.tolist()), frozenset(kept.tolist()))


def comparisons(
    exact: NDArray[np.float32], rounded: NDArray[np.float32], seeds: int
) -> Iterator[tuple[str, Outcome, Outcome]]:
    """Pairs of outcomes for one class, by what sets them apart."""
    noise = np.random.default_rng(0).normal(1, NOISE, exact.shape).astype(np.float32)
    plain, low, noisy = (
        [outcome(values.astype(np.float16), seed) for seed in range(seeds)]
        for values in (exact, rounded, exact * noise)
    )
    for seed in range(seeds):
        yield CASES[0], plain[seed], low[seed]
        yield CASES[1], plain[seed], noisy[seed]
    for one, other in combinations(plain, 2):
        yield CASES[2], one, other


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--arch", default="mobilenet_v2", show_default=True)
@click.option("--extractor", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--layer", default="pool", show_default=True)
@click.option("--seeds", default=4, show_default=True)
@click.option("--fewest", default=120, show_default=True, help="Images of a class looked at.")
def main(folder: Path, arch: str, extractor: Path, layer: str, seeds: int, fewest: int) -> None:
    """Compare what is kept in float32 with what is kept in bfloat16."""
    network, transform = loaded(arch, extractor)
    found = scan(folder)
    labels = np.asarray(found.labels)
    exact, rounded = (
        features(
            folder,
            list(found.paths),
            ForwardPass(network, transform, [layer], BATCH["cpu"], "cpu", precision),
        )
        for precision in ("fp32", "bf16")
    )
    distance = np.linalg.norm(exact - rounded) / np.linalg.norm(exact)
    results: dict[str, list[tuple[float, float, float]]] = {case: [] for case in CASES}
    clusters = []
    for label in range(len(found.classes)):
        members = np.flatnonzero(labels == label)
        if len(members) < fewest:
            continue
        for case, one, other in comparisons(exact[members], rounded[members], seeds):
            results[case].append(one.beside(other))
            clusters.append(one.k)
    rows = [
        (f"float32 and {case}", *(f"{statistics.mean(c):.3f}" for c in zip(*pairs, strict=True)))
        for case, pairs in results.items()
    ]
    click.echo(f"{arch} on {folder.name}: bfloat16 moves features by {distance:.1%}")
    click.echo(
        f"k from {min(clusters)} to {max(clusters)}, {statistics.mean(clusters):.1f} on average"
    )
    click.echo(table(("", "subclass picks", "coverage picks", "clusters (ARI)"), rows))


if __name__ == "__main__":
    main()
