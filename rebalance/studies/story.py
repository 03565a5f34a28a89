"""The story of study: treatments side by side on the same folds, with their controls.

Imports torch only to check losses and, by way of its cells, to train; never click.
"""

import logging
import shlex
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rebalance import __version__
from rebalance.atomic import held
from rebalance.data.counts import named_counts
from rebalance.distributed.processes import several
from rebalance.errors import SettingError
from rebalance.features.extractors import needs_training
from rebalance.models.devices import resolve_device
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.records import StoryRecord, TreatmentDefinition, TreatmentRecord
from rebalance.settings import ExtractorOptions, Recipe, RunOptions, calls
from rebalance.settings.spelling import flags
from rebalance.studies.cells import CellStore, seconds_of
from rebalance.studies.declaration import read_study
from rebalance.studies.images import in_keys, open_images
from rebalance.studies.outcomes import Outcome
from rebalance.studies.plan import Cell, Plan
from rebalance.studies.preparation import check_place, checked, prepared
from rebalance.studies.setup import Setup
from rebalance.studies.words import of_groups

if TYPE_CHECKING:
    from rebalance.studies.results import Results

log = logging.getLogger("rebalance")

PROBE_SECONDS = 1.0  # a cell of a probe, by rule of thumb
# An image in an epoch of training, by rule of thumb.
IMAGE_SECONDS = {"cpu": 0.05, "mps": 0.01, "cuda": 0.002}
SMALL = 0.08  # of that, for a network of images of 32 pixels


@dataclass(frozen=True)
class Forecast:
    """What a study would do. finished: cells that are there already. seconds: for the others.

    rule: what the seconds are reckoned by.
    """

    plan: Plan
    finished: int
    seconds: float
    rule: str


def plan_study(
    study: Path | str,
    output: Path | str,
    *,
    data: Path | str | None,
    test: Path | str | None,
    run: RunOptions,
) -> Forecast:
    """Read a study and its folder of images, and say what it comes to; nothing is computed."""
    plan = read_study(study, data=data, test=test)
    with in_keys():
        folder = open_images(plan.options).folder
        plan = checked(plan, folder)
    known = seconds_of(CellStore(Path(output), {}, plan.treatments), plan.cells)
    device = resolve_device(run.device)
    if known:
        each, rule = sum(known) / len(known), f"{len(known)} finished cells"
    elif plan.options.depth == "probe":
        each, rule = PROBE_SECONDS, f"a rule of thumb, {PROBE_SECONDS:g} s for a cell"
    else:
        from rebalance.runs.recipe import chosen_recipe

        recipe = chosen_recipe(plan.options.training)
        epochs = recipe.frozen_epochs + recipe.epochs
        image = _image_seconds(plan.options.training.arch, device)
        each = image * epochs * len(folder.paths)
        rule = f"a rule of thumb, {image:g} s for an image in an epoch"
    left = (len(plan.cells) - len(known)) * _trained(plan)
    seconds = left * each / _processes(plan, run, device)
    return Forecast(
        plan, len(known), seconds + _learning(plan, Path(output), len(folder.paths), device), rule
    )


def _learning(plan: Plan, output: Path, images: int, device: str) -> float:
    """The seconds, by rule of thumb, in which extractors are fine-tuned for the cells left."""
    if not needs_training(plan.options.extractor):
        return 0.0
    cells = CellStore(output, {}, plan.treatments)
    folds = {(each.seed, each.fold) for each in plan.cells if not cells.path(each).exists()}
    is_scratch = plan.options.extractor.init == ExtractorOptions.init
    recipe = Recipe.from_scratch() if is_scratch else Recipe()
    part = images * (plan.options.folds - 1) / plan.options.folds
    epochs = recipe.frozen_epochs + recipe.epochs
    return len(folds) * part * epochs * _image_seconds(plan.options.extractor.arch, device)


def _image_seconds(arch: str | None, device: str) -> float:
    return IMAGE_SECONDS[device] * (SMALL if (arch or "").startswith("cifar_") else 1)


def _trained(plan: Plan) -> float:
    """The share of the cells that train a network, where the others put heads on one of those."""
    if plan.options.depth == "probe":
        return 1.0
    bodies = {repr(definition.body) for definition in plan.treatments.values()}
    return len(bodies) / len(plan.treatments)


def study(
    study: Path | str,
    output: Path | str,
    *,
    data: Path | str | None,
    test: Path | str | None,
    run: RunOptions,
    progress: Progress,
) -> "Results":
    """Run what is not finished of a study, and write its results beside its cells.

    Its processes share the cells out among themselves; another study in the same folder is refused.
    """
    from rebalance.studies.results import summarise
    from rebalance.studies.writing import write_results

    if several():
        raise SettingError("a study runs its cells side by side itself: start it without torchrun")
    plan = read_study(study, data=data, test=test)
    output = Path(output)
    check_place(output)
    with held(output):
        with in_keys():
            setup = prepared(plan, output, run, progress)
            setup.cells.tidy()
            for note in of_groups(_groups(plan, setup)):
                log.warning(note)
            if run.overwrite:
                setup.cells.clear()
            outcomes = _run(plan, setup, run, progress)
        results = summarise(outcomes, plan.controls, metric=plan.options.metric, seed=0)
        given = {"data": data, "test": test, "device": run.device}
        words = ["rebalance", "study", str(study), "--output", str(output)]
        command = shlex.join([*words, *flags(calls.STUDY, given)])
        write_results(output, results, {**_story(plan, setup, outcomes), "command": command})
    return results


def _processes(plan: Plan, run: RunOptions, device: str) -> int:
    """Return how many run cells side by side.

    As many as there are processors, or GPUs to train on.
    """
    if plan.options.depth == "full" and device != "cpu":
        return len(_gpus(plan, device)) or 1
    return max(chosen_workers(run.workers), 1)


def _gpus(plan: Plan, device: str) -> list[int]:
    if plan.options.depth == "probe" or device != "cuda":
        return []
    import torch

    return list(range(torch.cuda.device_count()))


def _run(plan: Plan, setup: Setup, run: RunOptions, progress: Progress) -> list[Outcome]:
    """The outcome of every cell, in the plan's order; those that are finished are read."""
    from rebalance.studies.running import batches, run_batches

    found = {cell: setup.cells.read(cell) for cell in plan.cells}
    left = [cell for cell, outcome in found.items() if outcome is None]
    work = batches(setup, left)
    processes = _processes(plan, run, setup.device)
    log.info(
        "%d treatments with their controls, %d seeds, %d folds: %d cells, %d finished before; %d "
        "side by side",
        len(plan.treatments),
        len(plan.options.seeds),
        plan.options.folds,
        len(found),
        len(found) - len(left),
        min(processes, len(work)),
    )
    began, done, told = time.perf_counter(), 0, 0
    notes: Counter[str] = Counter()
    examples: dict[str, str] = {}
    finished = run_batches(setup, work, processes, _gpus(plan, setup.device))
    for batch in progress(finished, total=len(work), what="cells", unit="batches"):
        for outcome in batch.outcomes:
            found[Cell(outcome.treatment, outcome.seed, outcome.fold)] = outcome
        for kind, text in batch.notes:
            notes[kind] += 1
            examples.setdefault(kind, text)
        done += len(batch.outcomes)
        if 10 * done // len(left) > told:
            told = 10 * done // len(left)
            seconds = time.perf_counter() - began
            log.info("%d of %d cells in %.0f s", done, len(left), seconds)
    for kind, times in notes.items():
        log.warning("%d times in these cells: %s", times, examples[kind])
    return [outcome for outcome in found.values() if outcome is not None]


def _story(plan: Plan, setup: Setup, outcomes: Sequence[Outcome]) -> StoryRecord:
    """The study's facts, for its JSON and its page."""
    options, images = plan.options, setup.images

    def text(path: Path | None) -> str | None:
        return None if path is None else str(path)

    return {
        "data": text(options.data),
        "test": text(options.test),
        "images": len(images.paths),
        "counts": named_counts(images),
        "test_images": 0 if setup.test is None else len(setup.test.paths),
        "depth": options.depth,
        "extractor": options.extractor.as_record(),
        "training": asdict(options.training) if options.depth == "full" else None,
        **_groups(plan, setup),
        "seeds": list(options.seeds),
        "metric": options.metric,
        "treatments": _definitions(plan),
        "cells": len(outcomes),
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
        "version": __version__,
    }


def _groups(plan: Plan, setup: Setup) -> StoryRecord:
    """What the images were dealt to, and by what."""
    groups = plan.options.groups
    return {
        "folds": plan.options.folds,
        "groups": None if groups is None else str(groups),
        "groups_per_class": setup.groups_per_class,
    }


def _definitions(plan: Plan) -> list[TreatmentDefinition]:
    return [
        {**cast(TreatmentRecord, asdict(treatment)), "means": definition.as_record()}
        for treatment, definition in plan.treatments.items()
    ]
