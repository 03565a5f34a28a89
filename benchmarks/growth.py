"""How time and memory grow with the images of a class, after extraction.

    python -m benchmarks.growth --samples 1000,5000,20000,50000,100000
    python -m benchmarks.growth --samples 1000000 --folder /disk/with/10/GB
    python -m benchmarks.growth --classes 100 --samples 10000

Generated features, in seven groups, are put into a feature cache as extraction leaves them, and the
class is cut to 1,000 (or a third) by the subclass method, each size in a process of its own,
imports and all: components, map, clusters, silhouettes, picks and the figure ``cover``.
``exponent`` is that of the processor's seconds, which other programs change less, from the row
above: 1 is linear. ``MB`` is the peak of the process, with what it has mapped of the features,
which the system takes back when it needs memory; ``own`` is without (Linux only, looked at every
20 ms).
"""

import json
import math
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.mixtures import Mixture
from benchmarks.neighbours import peak_memory
from rebalance.cli.console import table

KEEP = 1000  # images of a class; a third of it where that is less
BLOCK = 256  # images of a block of the cache, as extraction writes them
LAYER = "pool"
EVERY = 0.02  # seconds


def feature_blocks(samples: int, columns: int, seed: int) -> Iterator[NDArray[np.float16]]:
    """Samples of a mixture, block by block: these need no memory."""
    mixture = Mixture(columns, seed)
    for start in range(0, samples, BLOCK):
        clusters = mixture.clusters(min(BLOCK, samples - start))
        yield mixture.features(clusters).astype(np.float16)


def key(position: int) -> bytes:
    """What stands for the digest of an image."""
    return (position + 1).to_bytes(16, "little")


def fill_cache(root: Path, samples: int, columns: int) -> None:
    """Write the features of so many images."""
    from rebalance.features.cache import FeatureCache

    cache = FeatureCache(root, "growth")
    cache.describe({}, {LAYER: columns})
    start = 0
    for block in feature_blocks(samples, columns, seed=0):
        cache.write(LAYER, [key(start + row) for row in range(len(block))], block)
        start += len(block)


def feature_table(root: Path, samples: int, classes: int) -> Any:
    """The table that extraction would return, all of it from the cache."""
    from rebalance.data.folder import ImageFolder
    from rebalance.features.cache import FeatureCache
    from rebalance.features.extractors import Extractor
    from rebalance.features.table import FeatureTable

    def load(progress: object) -> Any:
        raise AssertionError("everything is in the cache")

    names = tuple(f"class_{label:03}" for label in range(classes))
    labels = tuple(position * classes // samples for position in range(samples))
    paths = tuple(f"{names[label]}/{position:07}.jpg" for position, label in enumerate(labels))
    features = FeatureCache(root, "growth").layer(LAYER).rows([key(i) for i in range(samples)])
    return FeatureTable(
        ImageFolder(root, names, paths, labels),
        {LAYER: features},
        Extractor("resnet50", "growth", "cpu", "fp32", 1, {}, root, load),
        (),
        0,
        samples,
        0.0,
    )


@contextmanager
def own_memory() -> Iterator[list[float]]:
    """A list whose one entry is the most MB so far without pages of files; 0 where not known."""
    most, done, status = [0.0], threading.Event(), Path("/proc/self/status")

    def look() -> None:
        while not done.wait(EVERY):
            for line in status.read_text().splitlines():
                if line.startswith("RssAnon"):
                    most[0] = max(most[0], int(line.split()[1]) / 1000)

    watcher = threading.Thread(target=look)
    if status.exists():
        watcher.start()
    try:
        yield most
    finally:
        done.set()
        if watcher.is_alive():
            watcher.join()


def select(
    started: float, root: Path, samples: int, classes: int, landmarks: str
) -> dict[str, Any]:
    """Cut all classes; what it took since ``started``, and what came of the first class."""
    stages: dict[str, float] = {}
    with own_memory() as own:
        from rebalance.resampling import Population, cut, selection_of
        from rebalance.settings import SelectionOptions
        from rebalance.workflow.appraisal import with_cover

        def stage(name: str) -> None:
            stages[name] = time.time() - started - sum(stages.values())

        everything = feature_table(root, samples, classes)
        folder = everything.folder
        population = Population(
            np.asarray(folder.labels, np.int64), folder.classes, everything.layers, 0
        )
        stage("open")
        size = min(KEEP, samples // classes // 3)
        options = SelectionOptions(landmarks=landmarks)
        found = cut(population, dict.fromkeys(range(classes), size), options)
        chosen = selection_of(population, found, options)
        stage("select")
        chosen = with_cover(everything.layers[LAYER], folder, chosen, 0)
        stage("cover")
    return {
        "seconds": time.time() - started,
        "processor": time.process_time(),
        "stages": stages,
        "MB": peak_memory(),
        "own": own[0],
        "story": chosen.stories[folder.classes[0]],
        "kept": sum(fate.kept for fate in chosen.fates),
    }


def exponents(samples: list[int], seconds: list[float]) -> list[str]:
    """From each row to the next; nothing for the first."""
    pairs = zip(samples, samples[1:], seconds, seconds[1:], strict=False)
    return ["", *(f"{math.log(t / s) / math.log(m / n):.2f}" for n, m, s, t in pairs)]


@click.command()
@click.option("--samples", default="1000,5000,20000,50000,100000", show_default=True)
@click.option("--columns", default=2048, show_default=True)
@click.option("--classes", default=1, show_default=True, help="Among which the samples are shared.")
@click.option("--landmarks", default="auto", show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="For the features. [default: /tmp]")
@click.option("--keep-features", is_flag=True, help="Leave them there, and use those left there.")
def main(
    samples: str,
    columns: int,
    classes: int,
    landmarks: str,
    folder: Path | None,
    keep_features: bool,
) -> None:
    """Cut a class of each size, and print what it took."""
    sizes = [int(size) for size in samples.split(",")]
    found = []
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        root = folder if keep_features and folder else Path(temporary)
        if not (root / "features").exists():
            with fresh.Pool(1) as pool:
                pool.apply(fill_cache, (root, max(sizes), columns))
        with fresh.Pool(1) as pool:  # compiles what is kept for later processes
            pool.apply(select, (time.time(), root, min(300, *sizes), 1, "100"))
        for size in sizes:
            with fresh.Pool(1) as pool:
                job = (time.time(), root, size, classes, landmarks)
                found.append(pool.apply(select, job))
            print(json.dumps({"samples": size, **found[-1]}), file=sys.stderr)
    rows = []
    for size, each, power in zip(
        sizes, found, exponents(sizes, [each["processor"] for each in found]), strict=True
    ):
        story, seconds = each["story"], [each["seconds"], each["processor"]]
        stages = [each["stages"][name] for name in ("open", "select", "cover")]
        rows.append(
            (
                f"{size:,}",
                story["landmarks"] or "all",
                story["k"],
                *(f"{value:.1f}" for value in (*seconds, *stages)),
                power,
                *(f"{each[name]:.0f}" for name in ("MB", "own")),
            )
        )
    header = ("samples", "landmarks", "k", "seconds", "processor", "open", "select", "cover")
    click.echo(table((*header, "exponent", "MB", "own MB"), rows))


if __name__ == "__main__":
    main()
