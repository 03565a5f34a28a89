"""The cells of depth ``full``: a network trained end to end on the fold's rebalanced images.

Each is what ``rebalance train`` makes of a manifest, in a folder of the cell's own. Imports torch
only by way of training; never click.
"""

import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, cast

from rebalance.atomic import make_folder
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.distributed.processes import own_workers
from rebalance.losses import LOSSES
from rebalance.manifest import FORMAT, Manifest, Row, write_manifest
from rebalance.metrics import METRICS
from rebalance.models.fingerprints import fingerprint
from rebalance.oversampling.spelling import Sampling
from rebalance.progress import silent
from rebalance.records import ManifestRecord
from rebalance.runs import DECISION, Run
from rebalance.settings import (
    DecisionOptions,
    FeatureFiles,
    FolderOptions,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.studies.cells import WORK
from rebalance.studies.outcomes import BY_CLASS, UNMIXED, Outcome
from rebalance.studies.plan import Cell, Definition
from rebalance.studies.rebalanced import Rebalanced, growth_of, rebalance
from rebalance.studies.rebalancing import Rebalancing
from rebalance.studies.setup import Setup, stream_of
from rebalance.training.regimes import REGIMES
from rebalance.workflow.rows import added_rows

TRAINED_ON, VALIDATED_ON, ASKED, TESTED_ON = (
    f"{name}.csv" for name in ("train", "validation", "inner", "test")
)


def outcomes(setup: Setup, cells: Sequence[Cell]) -> Iterator[Outcome]:
    """Yield the outcomes of cells whose network has the same body, which is trained once.

    Where a treatment blends embeddings, a fresh head is then trained on them; what differs by its
    threshold alone is only scored again. The seconds of each are those it would take by itself. The
    folder of their work is deleted at the end, or when it is begun anew.
    """
    folder = _work(setup, cells[0])
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        body = _Body(setup, cells[0], folder)
        plain = body.train()
        for taught, alike in groupby(cells, lambda cell: _definition(setup, cell).taught):
            blends = taught.rebalance.blends
            trained = body.train_head(taught, plain) if blends else plain
            yield from (_outcome(setup, cell, trained) for cell in alike)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another cell may be at work
            folder.parent.rmdir()


def _work(setup: Setup, cell: Cell) -> Path:
    """Name the folder of a body's work, by the body alone, whichever of its cells are left.

    A study that is gone on with finds its own work by it.
    """
    body = _definition(setup, cell).body.as_record()
    return setup.cells.folder / WORK / f"{fingerprint(body)[:12]}-{cell.seed}-{cell.fold}"


def _definition(setup: Setup, cell: Cell) -> Definition:
    return setup.cells.definitions[cell.treatment]


class TrainedBody(NamedTuple):
    """The run folder of a network, what it was trained on, and how long all of that took."""

    run: Path
    images: int
    samples: int
    seconds: float

    @classmethod
    def on(cls, chosen: Rebalanced, run: Path, seconds: float) -> "TrainedBody":
        return cls(run, len(chosen.kept), len(chosen.kept) + len(chosen.added.base), seconds)


class _Body:
    """A body, trained in the folder of its work, and the heads that are put on it there."""

    def __init__(self, setup: Setup, cell: Cell, folder: Path) -> None:
        self.setup, self.folder = setup, folder
        self.stream = stream_of(cell.seed, cell.fold)
        self.definition = _definition(setup, cell).body
        trained, validated = setup.sides(cell.seed, cell.fold)
        images = setup.images
        learns = LOSSES[self.definition.loss.key].learns_from_validation
        if learns or REGIMES[self.definition.regime.key].needs_f1:
            trained, asked = setup.inner_sides(trained, self.stream)
            _write(folder / ASKED, images.take(asked.tolist()))
        _write(folder / VALIDATED_ON, images.take(validated.tolist()))
        if setup.test is not None:
            _write(folder / TESTED_ON, setup.test)
        self.part = setup.part(cell.seed, cell.fold, trained)
        self.images = images.take(trained.tolist())

    def train(self) -> TrainedBody:
        """Return what ``train`` makes of what is kept, and of samples that are no such blends."""
        from rebalance.workflow.training import train

        began, run = time.perf_counter(), self.folder / "run"
        definition, training = self.definition, self.setup.options.training
        chosen = rebalance(self.part, definition.rebalance)
        kept = self.images.take(chosen.kept.tolist())
        _write(self.folder / TRAINED_ON, kept, chosen, self.setup.scale, self.part.counts)
        train(
            self.folder / TRAINED_ON,
            self.folder / VALIDATED_ON,
            run,
            training=replace(
                training,
                loss=definition.loss.key,
                loss_options=definition.loss.options,
                regime=definition.regime.key,
                mix=training.mix if definition.mix == UNMIXED else definition.mix,
                **{f"phase_{name}": value for name, value in definition.regime.options},
            ),
            scoring=ScoringOptions(val=self._asked),
            files=FeatureFiles(),
            source=FolderOptions(),
            run=replace(_run(self.setup), seed=self.stream),
            resume=False,
            progress=silent,
        )
        return TrainedBody.on(chosen, run, time.perf_counter() - began)

    def train_head(self, definition: Definition, plain: TrainedBody) -> TrainedBody:
        """A head on blended embeddings, in place of that of ``plain`` and of any before it.

        They are of the network itself, and what is added is sampled among them.
        """
        from rebalance.workflow.retraining import retrain_head

        began, run = time.perf_counter(), self.folder / "headed"
        retrain_head(
            plain.run,
            self._sampling(definition.rebalance),
            self.folder / VALIDATED_ON,
            run,
            training=TrainOptions(precision=self.setup.options.training.precision),
            scoring=ScoringOptions(val=self._asked),
            files=FeatureFiles(),
            source=FolderOptions(),
            run=replace(_run(self.setup), seed=self.stream, overwrite=True),
            progress=silent,
        )
        samples = sum(Run.open(run).read_record(DECISION)["draws"])
        seconds = plain.seconds + time.perf_counter() - began
        return plain._replace(run=run, samples=round(samples), seconds=seconds)

    def _sampling(self, rebalancing: Rebalancing) -> Sampling:
        """Return what is added among the embeddings, or as much of it at random."""
        inner = rebalancing.like or rebalancing
        assert inner.raised is not None
        growth = growth_of(inner, self.part)
        return Sampling(growth, inner.raised, by_chance=rebalancing.like is not None)

    @property
    def _asked(self) -> Path | None:
        path = self.folder / ASKED
        return path if path.exists() else None


def _write(
    path: Path,
    images: ImageFolder,
    chosen: Rebalanced | None = None,
    scale: DepthScale = EACH_ALONE,
    before: Mapping[str, int] | None = None,
) -> None:
    """Write images as a manifest, with what is added to them.

    before: how many there were of each class before some were chosen, by name.
    """
    rows = [
        Row(image, images.classes[label])
        for image, label in zip(images.paths, images.labels, strict=True)
    ]
    record: ManifestRecord = {
        "format": FORMAT,
        "root": str(images.root),
        "classes": list(images.classes),
    }
    if chosen is not None:
        rows += added_rows(rows, chosen.added, images.classes)
        record["space"] = "pixel"
    if before is not None:
        record["counts"] = {"readable": dict(before)}
    if told := scale.as_record():
        record["scale"] = told
    write_manifest(
        path, Manifest(images.root, images.classes, tuple(rows), record=record), overwrite=True
    )


def _run(setup: Setup) -> RunOptions:
    workers = own_workers(None) if setup.device == "cuda" else 0
    return RunOptions(device=setup.device, workers=workers)


def _outcome(setup: Setup, cell: Cell, trained: TrainedBody) -> Outcome:
    definition = _definition(setup, cell)
    run, images, samples, seconds = trained
    began = time.perf_counter()
    metrics = _scores(setup, definition, run, VALIDATED_ON)
    test = None if setup.test is None else _scores(setup, definition, run, TESTED_ON)
    seconds += time.perf_counter() - began
    return Outcome(cell.treatment, cell.seed, cell.fold, metrics, test, images, samples, seconds)


def _scores(setup: Setup, definition: Definition, run: Path, side: str) -> dict[str, float]:
    from rebalance.workflow.scoring import evaluate

    found = evaluate(
        run,
        run.parent / side,
        None,
        decision=DecisionOptions(definition.threshold, definition.classifier),
        files=FeatureFiles(),
        source=FolderOptions(),
        run=_run(setup),
        precision=setup.options.training.precision,
        progress=silent,
    )
    scores = cast(Mapping[str, float | None], found)
    known = {name: scores[name] for name in METRICS}
    known |= {BY_CLASS + name: each["recall"] for name, each in found["per_class"].items()}
    return {name: math.nan if value is None else float(value) for name, value in known.items()}
