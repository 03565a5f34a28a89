"""The cells of depth ``full``: a network trained end to end on the fold's rebalanced images.

Each is what ``rebalance train`` makes of a manifest, in a folder of the cell's own. Imports torch
only by way of training; never click.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from rebalance.atomic import make_folder
from rebalance.folder import ImageFolder
from rebalance.manifest import FORMAT, Manifest, Row, write_manifest
from rebalance.metrics import METRICS
from rebalance.processes import own_workers
from rebalance.progress import silent
from rebalance.regimes import REGIMES
from rebalance.settings import FolderOptions, RunOptions, ScoringOptions
from rebalance.studies.cells import slug
from rebalance.studies.outcomes import Outcome, Treatment
from rebalance.studies.plan import Cell, Definition
from rebalance.studies.rebalanced import Part, Rebalanced, rebalance
from rebalance.studies.setup import Setup, stream_of
from rebalance.workflow.rows import added_rows

WORK = "work"
TRAINED_ON, RECIPES, VALIDATED_ON, ASKED, TESTED_ON = (
    f"{name}.csv" for name in ("train", "head", "validation", "inner", "test")
)


def outcomes(setup: Setup, cells: Sequence[Cell]) -> Iterator[Outcome]:
    """Of cells whose network is trained alike, so that they differ by their threshold alone.

    The folder of their work is deleted at the end, or when it is begun anew.
    """
    first = cells[0]
    definition = setup.cells.definitions[first.treatment]
    folder = _work(setup, first)
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        began = time.perf_counter()
        images, samples = _write_sides(setup, first, definition, folder)
        _train(setup, first, definition, folder)
        seconds = time.perf_counter() - began
        for cell in cells:
            found = setup.cells.definitions[cell.treatment]
            yield _outcome(setup, cell, found, folder, (images, samples, seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another cell may be at work
            folder.parent.rmdir()


def _work(setup: Setup, cell: Cell) -> Path:
    name = slug(Treatment(*list(asdict(cell.treatment).values())[:3]))
    return setup.cells.folder / WORK / f"{name}-{cell.seed}-{cell.fold}"


def _write_sides(setup: Setup, cell: Cell, definition: Definition, folder: Path) -> tuple[int, int]:
    """Manifests of what is trained on and scored on; the images and the samples of the former."""
    trained, validated = setup.sides(cell.seed, cell.fold)
    stream, images = stream_of(cell.seed, cell.fold), setup.images
    if REGIMES[definition.regime].needs_f1:
        trained, asked = setup.inner_sides(trained, stream)
        _write(folder / ASKED, images.take(asked.tolist()))
    features = np.load(setup.features, mmap_mode="r")
    part = Part(features[trained], setup.labels[trained], images.classes, stream)
    chosen = rebalance(part, definition.rebalance)
    kept = images.take(trained[chosen.kept].tolist())
    if definition.rebalance.blends:
        # The body learns from the images that are kept, and the head from all recipes.
        _write(folder / TRAINED_ON, kept)
        _write(folder / RECIPES, kept, chosen, "embedding")
    else:
        _write(folder / TRAINED_ON, kept, chosen, "pixel")
    _write(folder / VALIDATED_ON, images.take(validated.tolist()))
    if setup.test is not None:
        _write(folder / TESTED_ON, setup.test)
    return len(chosen.kept), len(chosen.kept) + len(chosen.added.base)


def _write(
    path: Path, images: ImageFolder, chosen: Rebalanced | None = None, space: str = "pixel"
) -> None:
    rows = [
        Row(image, images.classes[label])
        for image, label in zip(images.paths, images.labels, strict=True)
    ]
    record: dict[str, Any] = {
        "format": FORMAT,
        "root": str(images.root),
        "classes": list(images.classes),
    }
    if chosen is not None:
        rows += added_rows(rows, chosen.added)
        record["space"] = space
    write_manifest(path, Manifest(images.root, images.classes, tuple(rows), record=record))


def _run(setup: Setup) -> RunOptions:
    workers = own_workers(None) if setup.device == "cuda" else 0
    return RunOptions(device=setup.device, workers=workers)


def _train(setup: Setup, cell: Cell, definition: Definition, folder: Path) -> None:
    from rebalance.workflow.training import train

    asked, recipes = folder / ASKED, folder / RECIPES
    training = replace(
        setup.options.training,
        loss=definition.loss.key,
        loss_options=definition.loss.options,
        regime=definition.regime,
        rebalance_head=recipes if recipes.exists() else None,
    )
    train(
        folder / TRAINED_ON,
        folder / VALIDATED_ON,
        folder / "run",
        training=training,
        scoring=ScoringOptions(val=asked if asked.exists() else None),
        source=FolderOptions(),
        run=replace(_run(setup), seed=stream_of(cell.seed, cell.fold)),
        resume=False,
        progress=silent,
    )


def _outcome(
    setup: Setup,
    cell: Cell,
    definition: Definition,
    folder: Path,
    came_to: tuple[int, int, float],
) -> Outcome:
    images, samples, seconds = came_to
    began = time.perf_counter()
    metrics = _scores(setup, definition, folder, VALIDATED_ON)
    test = None if setup.test is None else _scores(setup, definition, folder, TESTED_ON)
    seconds += time.perf_counter() - began
    return Outcome(cell.treatment, cell.seed, cell.fold, metrics, test, images, samples, seconds)


def _scores(setup: Setup, definition: Definition, folder: Path, side: str) -> dict[str, float]:
    from rebalance.workflow.scoring import evaluate

    found = evaluate(
        folder / "run",
        folder / side,
        None,
        threshold=definition.threshold,
        classifier=None,
        source=FolderOptions(),
        run=_run(setup),
        precision=setup.options.training.precision,
        progress=silent,
    )
    return {name: float(found[name]) for name in METRICS}
