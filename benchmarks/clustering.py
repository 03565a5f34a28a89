"""Everything after extraction, as ``rebalance undersample`` does it for one class, stage by stage.

    python -m benchmarks.clustering FEATURES.npy KEEP OUT.csv

Prints one line of JSON, as ``benchmarks.by_hand features``, which it is held against.
"""

import csv
import json
import sys
import time
from collections.abc import Callable
from typing import Any

SECONDS: dict[str, float] = {}


def timed(stage: str, run: Callable[..., Any]) -> Callable[..., Any]:
    """``run``, whose seconds are added to the stage's."""

    def watched(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return run(*arguments, **options)
        finally:
            SECONDS[stage] = SECONDS.get(stage, 0.0) + time.perf_counter() - start

    return watched


def main(path: str, keep: str, output: str) -> None:
    begun = time.perf_counter()
    import numpy as np

    from rebalance.clusters import subclasses
    from rebalance.numerics.pca import InMemory
    from rebalance.undersampling import PICKERS, allot, pick_per_cluster

    SECONDS["imports"] = time.perf_counter() - begun
    features = timed("load", lambda: np.load(path, mmap_mode="r"))()
    stages = {
        "pca": "principal_components",
        "k-means": "clusterings",
        "stability": "stability",
        "chance": "chance_on_map",
    }
    for stage, name in stages.items():
        setattr(subclasses, name, timed(stage, getattr(subclasses, name)))
    for stage, registry, name in (
        ("layout", subclasses.LAYOUTS, "fast"),
        ("silhouette", subclasses.CRITERIA, "silhouette"),
    ):
        registry[name] = timed(stage, registry[name])
    found = subclasses.find_subclasses(InMemory(features), 0, layout="fast")
    kept = pick_per_cluster(
        found.labels,
        found.distances,
        allot(found.sizes, int(keep)),
        PICKERS["closest"],
        np.random.default_rng(0),
    )
    with open(output, "w", newline="") as file:  # noqa: PTH123
        csv.writer(file).writerows([int(i)] for i in kept)
    SECONDS["all"] = time.perf_counter() - begun
    print(json.dumps({"seconds": SECONDS, "k": found.k}))


if __name__ == "__main__":
    main(*sys.argv[1:])
