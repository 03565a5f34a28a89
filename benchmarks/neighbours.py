"""How fast are exact neighbours, and how much memory do they take, against scikit-learn?

    python -m benchmarks.neighbours --samples 50000 --columns 2048

Makes features in clusters, as a network's are, and searches them in processes of their own, one
after the other, so that each peak of memory is its own. Prints seconds, the memory beyond that of a
process that has loaded the features, and in how many neighbours the two agree.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.mixtures import clustered_features
from rebalance.cli.console import table
from rebalance.neighbours import nearest


def ours(features: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    return nearest(features, count).indices


def scikit_learn(features: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(features)
    found: NDArray[np.int64] = model.kneighbors(return_distance=False)
    return found


SEARCHES: dict[str, Callable[[NDArray[np.float32], int], NDArray[np.int64]]] = {
    "rebalance": ours,
    "scikit-learn": scikit_learn,
}


def peak_memory() -> float:
    """The most memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def measure(name: str, path: Path, count: int, answer: Path) -> tuple[float, float]:
    """Seconds and MB of one search; the neighbours go to ``answer``. Libraries load before."""
    features = np.load(path)
    SEARCHES[name](features[: count + 2], count)
    before = peak_memory()
    start = time.perf_counter()
    found = SEARCHES[name](features, count)
    seconds = time.perf_counter() - start
    memory = peak_memory() - before
    np.save(answer, found)
    return seconds, memory


@click.command()
@click.option("--samples", default=50_000, show_default=True)
@click.option("--columns", default=2048, show_default=True)
@click.option("--neighbours", "count", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(samples: int, columns: int, count: int, seed: int) -> None:
    """Search all samples for their neighbours, by ours and by scikit-learn's brute force."""
    fresh = multiprocessing.get_context("spawn")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npy"
        np.save(path, clustered_features(samples, columns, seed))
        for name in SEARCHES:
            with fresh.Pool(1) as pool:
                results[name] = pool.apply(
                    measure, (name, path, count, Path(folder) / f"{name}.npy")
                )
        found = [np.load(Path(folder) / f"{name}.npy") for name in SEARCHES]
    rows = [(name, f"{time:.2f}", f"{memory:.0f}") for name, (time, memory) in results.items()]
    click.echo(table(("search", "seconds", "MB"), rows))
    (our_time, our_memory), (their_time, their_memory) = results.values()
    click.echo(
        f"\n{their_time / our_time:.2f} times as fast, with {our_memory / their_memory:.2f} of the "
        f"memory beyond the {samples * columns * 4 / 1e6:.0f} MB of features"
    )
    click.echo(f"{np.mean(found[0] == found[1]):.6%} of the neighbours agree, in the same order")


if __name__ == "__main__":
    main()
