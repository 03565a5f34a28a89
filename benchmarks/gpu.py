"""What a GPU makes of features, training and whole networks, beside the processor, in one sitting.

    python -m benchmarks.gpu ../shared/data/trashnet
    python -m benchmarks.gpu photos --long cifar/train --test cifar/test --minutes 12

First the tests that need a GPU. Then the same features and the same short training on both devices:
how far apart they are, and how fast each is. Then, with ``--long``, networks of the recipe ``eos``
at their full length and fresh heads on each, as many as the time left allows: cross entropy and
LDAM with deferred re-weighting, seed by seed. What is begun and not finished is left in the work
folder, and gone on with when the same command is given again.

``--device cpu`` runs all of it without a GPU, beside itself: to see that it runs.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

import rebalance
from rebalance.cli.console import table
from rebalance.models.backbones import build
from rebalance.models.devices import resolve_device

NETWORKS = (("ce", "plain"), ("ldam", "drw"))
HEADS = ("ros", "smote", "borderline-1", "eos:reach=1")
SEEDS = 3
SHORT = {"recipe": "scratch", "arch": "cifar_resnet20", "precision": "fp32", "allow_overlap": True}
EPOCHS = 3


class Deadline:
    """The time that is left of some minutes."""

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes

    @property
    def left(self) -> float:
        """Seconds, none below 0."""
        return max(0.0, self.end - time.monotonic())


def tests(deadline: Deadline) -> str:
    """The last line that pytest prints of what is marked ``gpu``."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-cov", "-m", "gpu", "-rs"]
    found = subprocess.run(
        command, capture_output=True, text=True, timeout=max(deadline.left, 1), check=False
    )
    lines = found.stdout.strip().splitlines() or found.stderr.strip().splitlines()
    return lines[-1] if lines else "pytest printed nothing"


def random_weights(arch: str, work: Path) -> Path:
    """A file of weights that ``extract`` can load, drawn anew."""
    path = work / f"{arch}.pth"
    torch.manual_seed(0)
    torch.save(build(arch, classes=1000).state_dict(), path)
    return path


def features(
    data: Path, arch: str, weights: Path, device: str, precision: str
) -> tuple[NDArray[np.float64], int]:
    """The pooled features of all images [N, D], and how many a second, from files to the cache."""
    with tempfile.TemporaryDirectory() as cache:
        began = time.perf_counter()
        found = rebalance.extract(
            data,
            extractor=str(weights),
            arch=arch,
            layers=["pool"],
            device=device,
            precision=precision,
            cache_dir=cache,
        )
        taken = time.perf_counter() - began
        values = found.layers["pool"].read(slice(None), slice(None)).astype(np.float64)
    return values, round(len(values) / taken)


def feature_rows(data: Path, arch: str, device: str, work: Path) -> Iterator[tuple[str, ...]]:
    """How far features are from those of the processor in float32, relative to their length."""
    weights = random_weights(arch, work)
    reference, rate = features(data, arch, weights, "cpu", "fp32")
    yield "cpu", "fp32", str(rate), ""
    for precision in ("fp32", "bf16"):
        found, rate = features(data, arch, weights, device, precision)
        apart = np.linalg.norm(found - reference) / np.linalg.norm(reference)
        yield device, precision, str(rate), f"{apart:.1e}"


def training_rows(data: Path, device: str, work: Path) -> Iterator[tuple[str, ...]]:
    """The loss of each epoch on both devices, and the seconds of the last one."""
    for place, name in (("cpu", "processor"), (device, "device")):
        run = work / name
        began = time.perf_counter()
        found = rebalance.train(
            data, data, run, device=place, epochs=EPOCHS, overwrite=True, **SHORT
        )
        taken = time.perf_counter() - began
        with (run / "summary.csv").open(newline="") as file:
            losses = [f"{float(row['train_loss']):.4f}" for row in csv.DictReader(file)]
        yield place, " ".join(losses), f"{found['balanced_accuracy']:.4f}", f"{taken:.1f}"


def long_rows(
    train: Path, test: Path, device: str, work: Path, deadline: Deadline
) -> Iterator[tuple[str, ...]]:
    """The scores of each network that was finished, and of the heads on it."""
    for seed in range(SEEDS):
        for loss, regime in NETWORKS:
            run = work / f"{loss}-{regime}-{seed}"
            told = [str(train), "--recipe", "eos", "--loss", loss, "--regime", regime]
            if not finished(run, told, test, device, seed, deadline):
                return
            yield scores(f"{loss}, {regime}", seed, run)
            again = ["--from", str(run), "--rebalance-head"]
            for head in HEADS:
                made = work / f"{run.name}-{head.partition(':')[0]}"
                if not finished(made, [*again, head], test, device, seed, deadline):
                    return
                yield scores(f"{loss}, {regime}, {head}", seed, made)


def finished(
    run: Path, told: list[str], test: Path, device: str, seed: int, deadline: Deadline
) -> bool:
    """Train, or go on, until the run is finished or time is up; tell whether it is."""
    if (run / "metrics.json").exists():
        return True
    # A head is quick and begins anew; a network goes on.
    again = [] if not run.exists() else ["--overwrite" if "--from" in told else "--resume"]
    words = ["train", *told, "--test", str(test), "-o", str(run), "--device", device]
    words += ["--seed", str(seed), "--quiet", *again]
    try:
        subprocess.run(
            [sys.executable, "-m", "rebalance", *words], timeout=deadline.left, check=True
        )
    except subprocess.TimeoutExpired:
        return False
    return True


def scores(name: str, seed: int, run: Path) -> tuple[str, ...]:
    """A row of the table of networks."""
    found = json.loads((run / "metrics.json").read_bytes())
    keys = ("balanced_accuracy", "gmean_macro", "f1_macro")
    return name, str(seed), *(f"{found[key]:.4f}" for key in keys)


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--arch", default="resnet50", show_default=True, help="Of the features.")
@click.option("--long", "train", type=click.Path(exists=True, path_type=Path))
@click.option("--test", type=click.Path(exists=True, path_type=Path), help="For --long.")
@click.option("--minutes", default=12.0, show_default=True, help="For everything together.")
@click.option("--device", default="cuda", show_default=True)
@click.option("-o", "--output", "work", default="gpu-runs", type=click.Path(path_type=Path))
def main(
    data: Path,
    arch: str,
    train: Path | None,
    test: Path | None,
    minutes: float,
    device: str,
    work: Path,
) -> None:
    """Compare a GPU with the processor on DATA, an image folder."""
    if (train is None) != (test is None):
        raise click.UsageError("--long and --test go together")
    deadline, device = Deadline(minutes), resolve_device(device)
    work.mkdir(parents=True, exist_ok=True)
    if device == "cuda":
        click.echo(f"{torch.cuda.get_device_name()}\n\ntests: {tests(deadline)}\n")
    rows = feature_rows(data, arch, device, work)
    click.echo(table(("device", "precision", "images/s, all in", "apart"), list(rows)))
    short = training_rows(data, device, work)
    heads = ("device", f"loss of {EPOCHS} epochs", "balanced accuracy", "seconds")
    click.echo("\n" + table(heads, list(short)))
    if train is not None and test is not None:
        whole = list(long_rows(train, test, device, work, deadline))
        heads = ("network", "seed", "balanced accuracy", "gmean_macro", "f1_macro")
        click.echo("\n" + table(heads, whole))
    click.echo(f"\n{deadline.left:.0f} s left of {60 * minutes:.0f}")


if __name__ == "__main__":
    main()
