"""Features that somebody else computed, more of them than memory would hold.

    python -m benchmarks.given_features
    python -m benchmarks.given_features --images 1000000 --folder /disk/with/10/GB

As many images as asked for, of no bytes, since none is opened; a class has a tenth of another's
number at most, 100 to 1 in all. Their features lie in one .npy in an order of their own, beside a
text of their names. ``undersample`` cuts all classes to the smallest, as a process of its own; MB
is its peak, with what it has mapped of the file. ``--formats`` writes the same features in others.
"""

import json
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.__main__ import run
from benchmarks.mixtures import Mixture
from rebalance.cli.console import table

BLOCK = 4096  # rows that are drawn at a time
RATIO = 100  # of the largest class to the smallest
CLASSES = 10


def make_images(root: Path, images: int) -> list[str]:
    """Make files of no bytes in a folder for each class; return their paths below the root."""
    shares = RATIO ** -np.linspace(0, 1, CLASSES)
    counts = np.maximum(1, np.floor(images * shares / shares.sum())).astype(int)
    counts[0] += images - counts.sum()
    paths = []
    for label, count in enumerate(counts):
        folder = root / f"class_{label}"
        folder.mkdir(parents=True)
        for number in range(count):
            os.close(os.open(folder / f"{number:07}.jpg", os.O_CREAT | os.O_WRONLY))
            paths.append(f"{folder.name}/{number:07}.jpg")
    return paths


def write_features(path: Path, names: list[str], columns: int, dtype: str) -> None:
    """Write a mixture's samples row by row, so that they need no memory."""
    mixture = Mixture(columns, 0)
    whole = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), (len(names), columns))
    for start in range(0, len(names), BLOCK):
        count = min(BLOCK, len(names) - start)
        whole[start : start + count] = mixture.features(mixture.clusters(count))
    whole.flush()


def as_npz(features: NDArray[np.floating], names: list[str], path: Path) -> None:
    np.savez(path, features=features, file_name=names)


def as_safetensors(features: NDArray[np.floating], names: list[str], path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"features": features}, path, {"paths": json.dumps(names)})


def as_csv(features: NDArray[np.floating], names: list[str], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(["file_name", *(f"d{n}" for n in range(features.shape[1]))]) + "\n")
        for name, row in zip(names, features, strict=True):
            file.write(f"{name},{','.join(map(repr, row.tolist()))}\n")


def as_parquet(features: NDArray[np.floating], names: list[str], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    vectors = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel()), features.shape[1])
    pq.write_table(pa.table({"path": names, "embedding": vectors}), path)


def as_pt(features: NDArray[np.floating], names: list[str], path: Path) -> None:
    import torch

    torch.save({"features": torch.from_numpy(np.array(features)), "paths": names}, path)


FORMATS: dict[str, Callable[[NDArray[np.floating], list[str], Path], None]] = {
    "npz": as_npz,
    "safetensors": as_safetensors,
    "pt": as_pt,
    "parquet": as_parquet,
    "csv": as_csv,
}


def apart(function: Callable[..., object], *arguments: object) -> None:
    """Call a function in a process of its own, whose memory does not count for later ones."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise click.ClickException(f"{function.__name__} failed")


def convert(source: Path, text: Path, ending: str) -> None:
    """Write the same features in another format, under the same name."""
    names = text.read_text(encoding="utf-8").split("\n")
    FORMATS[ending](np.load(source, mmap_mode="r"), names, source.with_suffix(f".{ending}"))


def processor() -> float:
    """The seconds that processes begun here have taken of a core, once they have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def working_folder(given: Path | None) -> Iterator[Path]:
    """A folder that stays, where one is given, or one that goes."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@click.command()
@click.option("--images", default=20_000, show_default=True)
@click.option("--columns", default=768, show_default=True)
@click.option("--dtype", default="float32", show_default=True)
@click.option("--formats", default="", help=f"Beside .npy: any of {', '.join(FORMATS)}.")
@click.option("--folder", type=click.Path(path_type=Path), help="Kept, and used again.")
def main(images: int, columns: int, dtype: str, formats: str, folder: Path | None) -> None:
    """Undersample by a file of features, and say what it took."""
    rows: list[tuple[object, ...]] = []
    with working_folder(folder) as place:
        root, text = place / "images", place / "names.txt"
        features = place / f"features-{dtype}-{columns}.npy"
        if not text.exists():
            names = make_images(root, images)
            np.random.default_rng(0).shuffle(names)
            text.write_text("\n".join(names), encoding="utf-8")
        names = text.read_text(encoding="utf-8").split("\n")
        if not features.exists():
            apart(write_features, features, names, columns, dtype)
        for ending in ["npy", *filter(None, formats.split(","))]:
            path = features.with_suffix(f".{ending}")
            if ending != "npy":
                apart(convert, features, text, ending)
            given = ["--features", str(path), *(["--names", str(text)] if ending == "npy" else [])]
            manifest = place / f"{ending}.csv"
            before = processor()
            took = run(
                *("-m", "rebalance", "undersample", str(root), "-o", str(manifest), "--overwrite"),
                *given,
            )
            figures = path.stat().st_size / 1e6, took["process"], processor() - before, took["MB"]
            rows.append((ending, len(names), *(f"{figure:.0f}" for figure in figures)))
    click.echo(table(("file", "images", "MB of it", "seconds", "of a core", "peak MB"), rows))


if __name__ == "__main__":
    main()
