"""The main job beside the script one writes by hand: ``python -m benchmarks``.

    python -m benchmarks features --samples 5000 --rounds 3
    python -m benchmarks images --images 1000

``features``: what follows extraction, for one class of generated features. ``images``: a class of
generated photographs cut to 60, cold (an empty cache) and again (warm). Each run is a process of
its own, by hand and ours in turn, and every ratio is of one round: median, and from least to most.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from benchmarks.mixtures import clustered_features
from rebalance.cli.console import table

KEEP = 60
CLASS = "photographs"
RANDOM_WEIGHTS = """
import sys, torch, torchvision
torch.manual_seed(0)
torch.save(torchvision.models.resnet50(weights=None).state_dict(), sys.argv[1])
"""
Figures = dict[str, Any]


def run(*command: str, **environment: str) -> Figures:
    """The figures that a Python process prints last, its seconds from start to end, its peak MB."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **environment},
            stdout=said,
            stderr=complained,
        )
        _, status, usage = os.wait4(process.pid, 0)  # of this process and those it began
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0), complained.seek(0)
        if process.returncode:
            raise click.ClickException(complained.read()[-2000:])
        last = (said.read().splitlines() or ["{}"])[-1]
    found = json.loads(last) if last.startswith("{") else {}
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {"k": None, **found, "MB": kilobytes / 1024, "process": seconds}


def ratios(by_hand: list[Figures], ours: list[Figures], what: str) -> str:
    found = [one[what] / two[what] for one, two in zip(by_hand, ours, strict=True)]
    return f"{statistics.median(found):.1f} ({min(found):.1f} to {max(found):.1f})"


def stages(runs: list[Figures]) -> str:
    """The median seconds of each stage."""
    names = runs[0]["seconds"]
    medians = {name: statistics.median(each["seconds"][name] for each in runs) for name in names}
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in medians.items())


def in_turn(rounds: int, sides: dict[str, Callable[[], Figures]]) -> dict[str, list[Figures]]:
    """Run all sides once a round."""
    results: dict[str, list[Figures]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            results[name].append(side())
    return results


def show(results: dict[str, list[Figures]]) -> None:
    first = next(iter(results))
    rows = []
    for name, runs in results.items():
        seconds = statistics.median(each["process"] for each in runs)
        ratio = "" if name == first else ratios(results[first], runs, "process")
        rows.append((name, f"{seconds:.2f}", f"{max(each['MB'] for each in runs):.0f}", ratio))
    click.echo(table(("", "seconds", "peak MB", f"{first} / this"), rows))
    for name, runs in results.items():
        if "seconds" in runs[0]:
            click.echo(f"{name}: {stages(runs)}; k {', '.join(str(each['k']) for each in runs)}")


@click.group()
def main() -> None:
    """Time the main job beside the script one writes by hand."""


@main.command()
@click.option("--samples", default=5000, show_default=True)
@click.option("--columns", default=2048, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def features(samples: int, columns: int, rounds: int) -> None:
    """What follows extraction: scaling, components, map, k-means, silhouettes, picks."""
    with tempfile.TemporaryDirectory() as folder:
        path, kept = Path(folder) / "features.npy", str(Path(folder) / "kept.csv")
        np.save(path, clustered_features(samples, columns, 0).astype(np.float16))
        job = (str(path), str(KEEP), kept)
        run("-m", "benchmarks.clustering", *job)  # compiles what is kept for later processes
        show(
            in_turn(
                rounds,
                {
                    "by hand": lambda: run("-m", "benchmarks.by_hand", "features", *job),
                    "rebalance": lambda: run("-m", "benchmarks.clustering", *job),
                },
            )
        )


def photograph(rng: np.random.Generator) -> Image.Image:
    """About 500 by 375 pixels with something of every scale in them, of one of six kinds."""
    kind = int(rng.integers(6))
    width, height = (int(side * rng.uniform(0.8, 1.2)) for side in (500, 375))
    layers = np.zeros((height, width, 3), np.float32)
    for grain in (3, 12, 4 << kind // 2):
        noise = rng.integers(0, 256, (grain, grain + 1, 3), dtype=np.uint8)
        layers += np.asarray(
            Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
        )
    tint = np.array([(kind * 40) % 255, (kind * 90) % 255, (kind * 150) % 255])
    speckle = rng.normal(0, 7, (height, width, 1))
    return Image.fromarray(np.clip(layers / 4 + tint / 4 + speckle, 0, 255).astype(np.uint8))


def photographs(folder: Path, images: int) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(images):
        photograph(rng).save(folder / f"{number:06}.jpg", quality=90)


@main.command()
@click.option("--images", default=1000, show_default=True)
@click.option("--rounds", default=1, show_default=True)
def images(images: int, rounds: int) -> None:
    """The whole job on photographs, from files to a manifest, with ResNet50 of random weights."""
    with tempfile.TemporaryDirectory() as folder:
        root, checkpoint = Path(folder) / "images", str(Path(folder) / "resnet50.pth")
        photographs(root / CLASS, images)
        run("-c", RANDOM_WEIGHTS, checkpoint)  # torch here would count as memory of all it starts
        cache = Path(folder) / "cache"

        def ours(fresh: bool) -> Figures:
            place = Path(tempfile.mkdtemp(dir=folder)) if fresh else cache
            command = ["-m", "rebalance", "undersample", str(root), "-o", f"{folder}/m.csv"]
            command += ["--to", str(KEEP)]
            command += ["--extractor", checkpoint, "--arch", "resnet50", "--overwrite"]
            return run(*command, "--cache-dir", str(place), "--quiet")

        ours(fresh=False)  # fills the cache, and compiles what is kept for later processes
        job = (str(root), CLASS, checkpoint, str(KEEP), f"{folder}/kept.csv")
        show(
            in_turn(
                rounds,
                {
                    "by hand": lambda: run("-m", "benchmarks.by_hand", "images", *job),
                    "rebalance, cold": lambda: ours(fresh=True),
                    "rebalance, warm": lambda: ours(fresh=False),
                },
            )
        )


if __name__ == "__main__":
    main()
