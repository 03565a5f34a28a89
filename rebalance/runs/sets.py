"""What a run is trained on, validated on and tested on, opened together.

Imports no torch; never click.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rebalance import seeds
from rebalance.data.groups import read_groups
from rebalance.data.looks import Look
from rebalance.data.samples import ScoringSet, TrainingSet, open_scoring, open_training
from rebalance.data.separation import check_overlap, split_off
from rebalance.errors import DataError, SettingError
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import FolderOptions, RunOptions, ScoringOptions


class Looks(NamedTuple):
    """What is asked about files in place of reading them, of each kind of set."""

    seen: Look | None = None
    validation: Look | None = None
    tested: Look | None = None


class Sets(NamedTuple):
    """What is trained on, validated on, if anything, and tested on."""

    seen: TrainingSet
    validation: ScoringSet | None
    tested: ScoringSet


def open_sets(
    data: Path | str,
    test: Path | str,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
    *,
    blends_features: bool = False,
    looks: Looks = Looks(),  # noqa: B008
) -> Sets:
    """Read every image file once. Raises DataError where an image is on both sides.

    blends_features: whether what is trained can learn from blends of feature vectors. looks: what
    is asked about the files in place of reading them.
    """
    workers = chosen_workers(run.workers)
    given = open_training(data, source, workers, progress, strict=run.strict, look=looks.seen)
    if given.vectors is not None and given.blends and not given.blends_features:
        raise DataError(
            f"{str(data)!r} blends images, which a file of features has none of: oversample with "
            "--space embedding, or leave out --features"
        )
    if given.operations and (given.vectors is not None or given.blends_features):
        what = "a file of features" if given.vectors is not None else "blends of feature vectors"
        raise DataError(
            f"{str(data)!r} augments images, and {what} cannot: give images to train a network on"
        )
    if given.blends_features and not blends_features:
        raise DataError(
            f"images are needed to train a network on, but {str(data)!r} blends feature vectors: "
            "train on the folder and give this to --rebalance-head, or oversample with --space "
            "pixel"
        )
    if len(set(given.folder.labels)) < 2:
        raise DataError(
            f"training learns to tell classes apart, and {str(data)!r} has images of one class "
            "only: add those of another"
        )
    alike = replace(source, root=None)
    read = partial(
        open_scoring,
        classes=given.classes,
        options=alike,
        workers=workers,
        progress=progress,
        strict=run.strict,
        scale=given.scale,
    )
    seen, validation = _sides(given, scoring, partial(read, look=looks.validation), run.seed)
    tested = read(test, look=looks.tested)
    for scored in filter(None, (tested, validation)):
        check_overlap(seen, scored, allowed=scoring.allow_overlap)
    return Sets(seen, validation, tested)


def _sides(
    given: TrainingSet, scoring: ScoringOptions, read: Callable[[Path | str], ScoringSet], seed: int
) -> tuple[TrainingSet, ScoringSet | None]:
    """Return what is trained on, and what is validated on. read: opens a folder of its own."""
    if scoring.val is not None and scoring.val_fraction is not None:
        raise SettingError("--val and --val-fraction exclude each other: give one of them")
    if scoring.groups is not None and scoring.val_fraction is None:
        raise SettingError("--groups says how --val-fraction may divide: give that too")
    if scoring.group_column is not None and scoring.groups is None:
        raise SettingError("--group-column is a column of --groups: give that too")
    if scoring.val is not None:
        return given, read(scoring.val)
    if scoring.val_fraction is None:
        return given, None
    return divided(given, scoring.val_fraction, scoring.groups, scoring.group_column, seed)


def divided(
    given: TrainingSet, fraction: float, groups: Path | str | None, column: str | None, seed: int
) -> tuple[TrainingSet, ScoringSet]:
    """Return what is left to train on, and what is split off to validate on."""
    owners = None if groups is None else read_groups(groups, column)
    return split_off(given, fraction, seeds.generator(seed, "validation"), owners)
