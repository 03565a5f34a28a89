"""The gallery of a run's mistakes: the test images it was surest of, and wrong about.

Imports numpy and Pillow; may not import torch or click.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from rebalance.data.thumbnails import as_jpegs, cross, fitted, read_small
from rebalance.reports.page import Picture, Table, data_address
from rebalance.reports.runs.results import Result
from rebalance.runs.options import scale_from

SHOWN, FEWEST, ALL = 24, 6, 96  # of a run; of one among many; of the page
SIDE = 96  # pixels
BYTES = 500_000  # of all pictures of the page; as text they take a third more


@dataclass(frozen=True)
class Mistake:
    """A test image that was given another class, with this probability."""

    file_name: str
    true: str
    given: str
    probability: float


@dataclass(frozen=True)
class Gallery:
    """The surest mistakes of a run. note: what is shown of it, and what cannot be."""

    name: str
    note: str
    pictures: Sequence[Picture]
    table: Table


def galleries(results: Sequence[Result]) -> Iterator[Gallery]:
    """Show the mistakes of each run whose predictions are kept."""
    scored = [each for each in results if each.predictions is not None]
    count = max(FEWEST, min(SHOWN, ALL // max(1, len(scored))))
    for each in scored:
        found = mistakes(each)
        if found:
            yield _gallery(each, found[:count], len(found), BYTES // len(scored))


def mistakes(result: Result) -> list[Mistake]:
    """List the images that were given another class, the surest first (tie: in file order)."""
    assert result.predictions is not None
    names, said = result.predictions.names, result.predictions.said
    wrong = np.flatnonzero(said.labels != said.predicted)
    sure = said.distributions[wrong, said.predicted[wrong]]
    falling = np.argsort(-sure, kind="stable")
    return [
        Mistake(
            names[place],
            said.classes[said.labels[place]],
            said.classes[said.predicted[place]],
            probability,
        )
        for place, probability in zip(wrong[falling].tolist(), sure[falling].tolist(), strict=True)
    ]


def _gallery(result: Result, shown: Sequence[Mistake], total: int, limit: int) -> Gallery:
    rows: list[list[str | float]] = [
        [each.file_name, each.true, each.given, each.probability] for each in shown
    ]
    header = ["image", "true class", "decided on", "probability"]
    table = Table(f"Run {result.name}: its surest mistakes", header, rows)
    assert result.metrics is not None
    note = f"Run {result.name}: the {len(shown)} surest of {total} mistakes."
    root = result.metrics.get("test_root")
    if root is None:
        why = "Where its test images are was not kept by the version that made it."
        return Gallery(result.name, f"{note} {why}", (), table)
    tiles = [_read(Path(root), each.file_name, result) for each in shown]
    lost = sum(tile is None for tile in tiles)
    if lost:
        note += f" {lost} of these can no longer be read in {root}."
    if lost == len(shown):
        return Gallery(result.name, note, (), table)
    return Gallery(result.name, note, _pictures(shown, tiles, limit), table)


def _read(root: Path, name: str, result: Result) -> Image.Image | None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:  # no file of a test set has such a name
        return None
    image = read_small(root / path, SIDE, scale_from(result.run.options))
    return None if image is None else Image.fromarray(fitted(image, SIDE))


def _pictures(
    shown: Sequence[Mistake], tiles: Sequence[Image.Image | None], limit: int
) -> list[Picture]:
    lost = Image.fromarray(cross(SIDE))
    files = as_jpegs({str(at): tile or lost for at, tile in enumerate(tiles)}, limit)
    return [
        Picture(
            data_address(files[str(at)], "image/jpeg"),
            f"{each.file_name}, of class {each.true}, which was taken for {each.given}",
            SIDE,
            SIDE,
            f"{each.true} → {each.given}, {each.probability:.2f}",
            [each.file_name],
        )
        for at, each in enumerate(shown)
    ]
