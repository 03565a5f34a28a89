"""What extraction costs where every feature is in the cache, and how that grows with the images.

    python -m benchmarks.warm --images 10000,100000,1000000

Small files stand for the images, since what is measured never decodes one: listing the folder,
reading each file for its digest, opening the cache, finding the images in it, and writing the table
of features, which lie in the cache in another order than the folder's. Each size is a process of
its own. ``processor`` is the seconds of all threads, ``exponent`` how they grow from the row above
(1 is linear), ``own`` the most MB without pages of files.
"""

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.growth import exponents, own_memory
from rebalance.cli.console import table

CLASSES = 100
COLUMNS = 128  # those of cifar_resnet20
LAYER = "pool"


def fill(root: Path, images: int) -> None:
    """The files, and a cache that has features of all of them."""
    from rebalance.data.files import digest
    from rebalance.features.blocks import block_size
    from rebalance.features.cache import FeatureCache

    for label in range(CLASSES):
        (root / "data" / f"class_{label:03}").mkdir(parents=True)
    cache = FeatureCache(root / "cache", "warm")
    cache.describe({}, {LAYER: COLUMNS})
    keys: list[bytes] = []
    for number in range(images):
        content = number.to_bytes(16, "big")
        (root / "data" / f"class_{number % CLASSES:03}" / f"{number:09}.png").write_bytes(content)
        keys.append(digest(content))
    start = 0
    while block := keys[start : start + block_size(start, COLUMNS)]:
        cache.write(LAYER, block, np.ones((len(block), COLUMNS), np.float16))
        start += len(block)


def look(root: Path, workers: int) -> dict[str, Any]:
    """Seconds of each stage, in order, with the memory and the blocks that were found."""
    stages: dict[str, float] = {}
    with own_memory() as own:
        from rebalance.data.folder import scan
        from rebalance.features.cache import FeatureCache
        from rebalance.features.extraction import extract_features
        from rebalance.features.extractors import Extractor
        from rebalance.features.marks import image_keys
        from rebalance.features.table import save_table

        def load(progress: object) -> Any:
            raise AssertionError("everything is in the cache")

        def staged() -> Iterator[str]:
            folder = scan(root / "data")
            yield "list"
            keys, _ = image_keys(folder, workers)
            yield "digests"
            extractor = Extractor("none", "warm", "cpu", "fp32", 1, {}, root / "cache", load)
            found = extract_features(folder, keys, extractor, [LAYER], workers=workers)
            yield "look up"
            save_table(root / "features.npz", found)
            yield "table"

        before, cpu = time.perf_counter(), time.process_time()
        for stage in staged():
            now = time.perf_counter()
            stages[stage], before = now - before, now
        processor = time.process_time() - cpu
        blocks = len(FeatureCache(root / "cache", "warm").blocks(LAYER))
    return {"stages": stages, "processor": processor, "own": own[0], "blocks": blocks}


@click.command()
@click.option("--images", default="10000,100000", show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="For the files. [default: /tmp]")
def main(images: str, workers: int, folder: Path | None) -> None:
    """Look up so many images, and print what it took."""
    sizes = [int(size) for size in images.split(",")]
    found = []
    fresh = multiprocessing.get_context("spawn")
    for size in sizes:
        root = Path(tempfile.mkdtemp(dir=folder))
        try:
            fill(root, size)
            with fresh.Pool(1) as pool:
                found.append(pool.apply(look, (root, workers)))
        finally:
            shutil.rmtree(root)
    rows = [
        (
            f"{size:,}",
            each["blocks"],
            *(f"{seconds:.2f}" for seconds in each["stages"].values()),
            f"{each['processor']:.2f}",
            power,
            f"{each['own']:.0f}",
        )
        for size, each, power in zip(
            sizes, found, exponents(sizes, [each["processor"] for each in found]), strict=True
        )
    ]
    print(table(("images", "blocks", *found[0]["stages"], "processor", "exponent", "own MB"), rows))


if __name__ == "__main__":
    main()
