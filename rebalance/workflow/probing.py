"""The story of train --recipe probe: a body as it is, and a linear head on its cached features.

Where torchrun started several processes, they share the features; the first one fits the head.
Imports torch only in the middle of it; never click.
"""

import logging
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import TrainingSet
from rebalance.distributed.processes import joined
from rebalance.errors import DataError, SettingError
from rebalance.heads import LinearHead, Sides, fit_head
from rebalance.metrics import FeatureRanges
from rebalance.progress import Progress
from rebalance.records import MetricsRecord
from rebalance.runs.options import (
    Sets,
    make_loss,
    open_sets,
    record_options,
    with_resize,
)
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import check_rule
from rebalance.settings import (
    FolderOptions,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.settings.recipes import PROBE, ProbeRecipe
from rebalance.workflow.beginning import as_begun, begun_folder
from rebalance.workflow.conclusion import Trained, check_calibration, conclude, warn_of_one_class
from rebalance.workflow.frozen_bodies import CachedEvaluator, frozen, put
from rebalance.workflow.probe_sides import labels_of, probe_sides

if TYPE_CHECKING:
    from rebalance.losses import Loss

log = logging.getLogger("rebalance")

# What of the options of training a probe has a use for.
OWN = (
    *("recipe", "arch", "weights", "image_size", "resize", "precision", "in_memory"),
    *("loss", "loss_options", "whiten"),
)


def train_probe(
    data: Path | str,
    test: Path | str,
    output: Path | str,
    *,
    training: TrainOptions,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    resume: bool,
    progress: Progress,
) -> MetricsRecord:
    """Fit a head on features of DATA, evaluate on TEST, keep both as a run; the metrics."""
    recipe = chosen_probe(training)
    check_calibration(scoring)
    with joined(run.device) as processes, ExitStack() as holding:
        if resume:
            training = as_begun(training, output, processes)
        evaluator = Evaluator.of(run, training.precision, progress, processes)
        opened = _without_groups(scoring)
        sets = processes.by_first(
            partial(open_sets, data, test, opened, source, run, evaluator.progress)
        )
        told = record_options(
            data,
            training,
            scoring,
            source,
            recipe,
            sets,
            run.seed,
            evaluator.device,
            evaluator.precision,
            None,
        )
        loss = make_loss(told)
        _check(loss, training.loss, sets)
        folds = processes.by_first(partial(probe_sides, sets, scoring, recipe, run.seed))
        arch, network, transform = processes.by_first(
            partial(frozen, training, len(sets.seen.classes), run.seed)
        )
        options = with_resize(told, transform.fit)
        amounts = _amounts(sets.seen, loss)
        check_rule(
            *(scoring.classifier, scoring.threshold, sets.seen.classes, amounts), sets.seen.counts
        )
        warn_of_one_class(sets.tested)
        folder = begun_folder(
            output, options, holding, processes, overwrite=run.overwrite, resume=resume
        )
        evaluator = CachedEvaluator.beside(evaluator, training, run)
        seen = evaluator.embed(network, sets.seen, transform)
        shown = [seen]
        if sets.validation is not None:
            shown.append(evaluator.embed(network, sets.validation, transform))
        fitted = processes.by_first(
            partial(_fitted, np.concatenate(shown), sets, loss, folds, recipe)
        )
        put(network, fitted.layer)
        ranges = FeatureRanges.of(seen, np.array(sets.seen.folder.labels))
        trained = Trained(arch, network, transform, loss, amounts, ranges)
        return conclude(
            *(folder, trained, scoring, sets.seen, sets.tested, evaluator),
            validation=sets.validation,
        )


def chosen_probe(training: TrainOptions) -> ProbeRecipe:
    """Return what a probe is fitted by. Raises SettingError for an option it has no use for."""
    plain = TrainOptions(recipe=PROBE)
    for name in vars(plain):
        if name not in OWN and getattr(training, name) != getattr(plain, name):
            raise SettingError(
                f"--recipe {PROBE} leaves the network as it is and fits its last layer to the end: "
                f"leave out --{name.replace('_', '-')}"
            )
    if training.weights == "scratch":
        raise SettingError(
            f"--recipe {PROBE} needs a network that has been trained: pass --weights imagenet, a "
            "checkpoint or a run"
        )
    return ProbeRecipe() if training.whiten is None else ProbeRecipe(training.whiten)


def _without_groups(scoring: ScoringOptions) -> ScoringOptions:
    """Return how validation images are split off; where none are, groups say how folds are."""
    if scoring.val_fraction is not None or scoring.val is not None:
        return scoring
    return replace(scoring, groups=None, group_column=None)


def _check(loss: "Loss", name: str, sets: Sets) -> None:
    from rebalance.losses.adjustment import LogitAdjusted
    from rebalance.losses.cross_entropy import CE

    if not isinstance(loss, CE | LogitAdjusted):
        raise SettingError(
            f"--recipe {PROBE} minimises cross entropy with class weights or shares: choose ce, "
            f"weighted, cost, balanced-softmax or logit-adjusted in place of {name}"
        )
    if sets.seen.shares:
        raise DataError(
            f"--recipe {PROBE} learns from whole labels, and {len(sets.seen.shares)} samples share "
            "theirs with a partner: train by another recipe, or oversample by another method"
        )
    for each, count in zip(sets.seen.classes, sets.seen.counts, strict=True):
        if not count:
            raise DataError(
                f"--recipe {PROBE} needs an image of every class, and class {each!r} has none: add "
                "some, or leave the class out"
            )


def _amounts(seen: TrainingSet, loss: "Loss") -> Amounts:
    folder = [float(seen.at_first[name]) for name in seen.classes]
    return Amounts([float(each) for each in seen.counts], loss.weights_of_classes(), folder)


def _fitted(
    features: NDArray[Any],
    sets: Sets,
    loss: "Loss",
    folds: list[Sides],
    recipe: ProbeRecipe,
) -> LinearHead:
    from rebalance.losses import SampleLoss
    from rebalance.losses.adjustment import LogitAdjusted

    assert isinstance(loss, SampleLoss)  # as ``_check`` has seen
    weights = loss.weights.double().numpy()
    found = fit_head(
        "logistic",
        features,
        labels_of(sets),
        len(sets.seen.classes),
        whiten=recipe.whiten,
        weights=weights,
        sides=folds,
        seen=len(sets.seen.folder.paths),
    )
    by = "validation images" if sets.validation is not None else f"{len(folds)} folds"
    for name, number in found.chosen.items():
        tried = len(found.tried.get(name, ()))
        told = f"chosen of {tried} by {by}" if tried else "the usual one"
        log.info("the head's %s is %.3g, %s", name, number, told)
    if isinstance(loss, LogitAdjusted):  # whose shares a free bias takes up
        bias = found.layer.bias - loss.shift.double().numpy()
        found = replace(found, layer=found.layer._replace(bias=bias))
    return found
