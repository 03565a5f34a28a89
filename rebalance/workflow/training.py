"""The story of train: a baseline, how it decides, and how good it is.

Where torchrun started several processes, each of them tells it; only the first one writes. Imports
torch only in the middle of it; never click.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rebalance.data.samples import ScoringSet
from rebalance.distributed.processes import joined
from rebalance.errors import SettingError
from rebalance.losses import check_options
from rebalance.metrics import FeatureRanges
from rebalance.oversampling.spelling import as_sampling
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.records import MetricsRecord, RunOptionsRecord
from rebalance.runs import Run
from rebalance.runs.options import (
    first_phase_of,
    make_loss,
    record_options,
    with_resize,
)
from rebalance.runs.recipe import chosen_phase, chosen_recipe
from rebalance.runs.sets import Sets, open_sets
from rebalance.scoring.evaluator import Evaluator
from rebalance.settings import (
    FeatureFiles,
    FolderOptions,
    Recipe,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.settings.recipes import PROBE
from rebalance.training.initial_network import untrained
from rebalance.workflow.beginning import as_begun, begun_folder
from rebalance.workflow.conclusion import Trained, check_validation, conclude
from rebalance.workflow.head_samples import HeadSamples
from rebalance.workflow.heads import with_rebalanced_head
from rebalance.workflow.own_samples import own_samples
from rebalance.workflow.recipes import Recipes, check_recipes, open_recipes, warn_of_other_eyes
from rebalance.workflow.searched_costs import check_search, with_searched_costs
from rebalance.workflow.training_checks import amounts_of, check_decision, check_training

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform
    from rebalance.scoring.judge import Judge
    from rebalance.training.dataset import ImageDataset
    from rebalance.training.loop import Epoch

log = logging.getLogger("rebalance")


def train(
    data: Path | str,
    test: Path | str,
    output: Path | str,
    *,
    training: TrainOptions,
    files: FeatureFiles,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    resume: bool,
    progress: Progress,
) -> MetricsRecord:
    """Train on DATA, evaluate on TEST, keep all of it in the run folder; returns the metrics."""
    if files.features is not None:
        raise SettingError(
            f"--features takes the place of a network, and the recipe {training.recipe} trains "
            f"one, which needs images: pass --recipe {PROBE}, or leave out --features"
        )
    check_options(training.loss, dict(training.loss_options))
    check_validation(scoring)
    check_search(training, scoring)
    with joined(run.device) as processes, ExitStack() as holding:
        if resume:
            training = as_begun(training, output, processes)
        recipe, first = chosen_recipe(training), chosen_phase(training)
        evaluator = Evaluator.of(run, training.precision, progress, processes)
        sets = processes.by_first(
            partial(open_sets, data, test, scoring, source, run, evaluator.progress)
        )
        samples = None
        if training.rebalance_head is not None:
            read = partial(_samples, training.rebalance_head, sets, scoring, source, run, evaluator)
            samples = processes.by_first(read)
        training = with_searched_costs(training, scoring, sets, evaluator, run.seed)
        options = record_options(
            data,
            training,
            scoring,
            source,
            recipe,
            sets,
            run.seed,
            evaluator.device,
            evaluator.precision,
            None if samples is None else samples.as_record(),
        )
        loss = make_loss(options)
        # Read or drawn by one process, and then the same in all.
        arch, network, transform = processes.by_first(
            partial(untrained, training, sets.seen.classes, loss, run.seed)
        )
        options = with_resize(options, transform.fit)
        check_training(training, recipe, first, sets, network, loss, processes)
        check_decision(scoring, options, recipe, sets, samples)
        # What cannot be is said by now: neither a folder nor an epoch is spent on it.
        folder = begun_folder(
            output, options, holding, processes, overwrite=run.overwrite, resume=resume
        )
        from rebalance.training.dataset import dataset_of

        dataset = dataset_of(sets.seen, transform, recipe.augmentation, training.in_memory)
        if recipe.normalise == "data":
            transform = dataset.transform = _normalised(dataset, evaluator)
        f1 = _train(folder, network, dataset, loss, recipe, options, sets.validation, evaluator)
        amounts = amounts_of(options, recipe, sets.seen, f1)
        trained = Trained(arch, network, transform, loss, amounts, FeatureRanges({}))
        if samples is None:
            trained = replace(trained, ranges=evaluator.ranges(network, sets.seen, transform))
        else:
            trained = with_rebalanced_head(
                trained,
                samples,
                sets.seen,
                sets.validation,
                sets.tested,
                options["counts"],
                run.seed,
                evaluator,
            )
        return conclude(
            folder,
            trained,
            scoring,
            sets.seen,
            sets.tested,
            evaluator,
            validation=sets.validation,
        )


def _normalised(dataset: "ImageDataset", evaluator: Evaluator) -> "Transform":
    """The transform of the dataset, by its own statistics: found by one process, told to all."""
    from rebalance.training.channels import normalised_by

    find = partial(normalised_by, dataset, evaluator.workers, evaluator.progress)
    return evaluator.processes.by_first(find)


def _samples(
    asked: Path | str,
    sets: Sets,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    evaluator: Evaluator,
) -> HeadSamples:
    """Return what the head is to be trained on, apart from what it is validated and tested on."""
    sampling = as_sampling(asked)
    if sampling is not None:
        return own_samples(sampling, sets.seen, sets.validation, run.seed)
    workers = chosen_workers(run.workers)
    found = open_recipes(
        asked,
        sets.seen.classes,
        source,
        workers,
        evaluator.progress,
        strict=run.strict,
        scale=sets.seen.scale,
    )
    warn_of_other_eyes(asked, own=())
    allowed = scoring.allow_overlap
    return Recipes(asked, check_recipes(found, sets.validation, sets.tested, allowed=allowed))


def _train(
    folder: Run,
    network: "Network",
    dataset: "ImageDataset",
    loss: "Loss",
    recipe: Recipe,
    options: RunOptionsRecord,
    validation: ScoringSet | None,
    evaluator: Evaluator,
) -> Sequence[float] | None:
    """Epoch after epoch, each noted in the run as it ends; the F1 that the last one began with."""
    from rebalance.training.dataset import dataset_of
    from rebalance.training.loop import fit

    finished, state = evaluator.processes.by_first(folder.resume_point)
    if finished:
        log.info("going on after epoch %d", finished)
    before, f1 = (None, None) if state is None else (state.get("f1_before"), state.get("f1"))
    judge = study = None
    if loss.learns_from_training:
        study = evaluator.study(loss, dataset)
    if validation is not None:
        judge = evaluator.judge(loss, validation, dataset.transform)
        if loss.learns_from_validation:
            study = evaluator.study(loss, dataset_of(validation, dataset.transform))
    for epoch in fit(
        network,
        dataset,
        loss,
        recipe,
        sampler=options["sampler"],
        regime=options["regime"],
        first=first_phase_of(options),
        counts=options["counts"],
        seed=options["seed"],
        device=evaluator.device,
        precision=evaluator.precision,
        workers=evaluator.workers,
        validate=judge,
        study=study,
        start=state,  # type: ignore[arg-type]
        progress=evaluator.progress,
    ):
        before, f1 = f1, None if epoch.f1 is None else list(epoch.f1)
        evaluator.processes.by_first(partial(_note, folder, epoch, judge, before))
        log.info("%s", epoch)
    return before


def _note(
    folder: Run,
    epoch: "Epoch",
    judge: "Judge | None",
    f1_before: Sequence[float] | None,
) -> None:
    row: dict[str, Any] = {
        "epoch": epoch.number,
        "phase": epoch.phase,
        "train_loss": round(epoch.loss, 6),
        "train_accuracy": round(epoch.accuracy, 6),
        "lr": epoch.lr,
    }
    if epoch.f1 is not None:
        row["val_f1_macro"] = round(float(np.mean(epoch.f1)), 6)
    if judge is not None:
        for name in ("balanced_accuracy", "accuracy"):
            row[f"val_{name}"] = round(getattr(judge, name), 6)
    folder.record_epoch(row, {**epoch.state(), "f1_before": f1_before})
