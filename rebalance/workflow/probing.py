"""The story of train --recipe probe: a body as it is, and a linear head on its cached features.

Where torchrun started several processes, they share the features; the first one fits the head.
Imports torch only in the middle of it; never click.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from rebalance.distributed.processes import joined
from rebalance.metrics import FeatureRanges
from rebalance.progress import Progress
from rebalance.records import MetricsRecord
from rebalance.runs.options import (
    make_loss,
    open_sets,
    record_options,
    with_resize,
)
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import check_rule
from rebalance.settings import (
    FolderOptions,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.workflow.beginning import as_begun, begun_folder
from rebalance.workflow.conclusion import Trained, check_validation, conclude, warn_of_one_class
from rebalance.workflow.frozen_bodies import CachedEvaluator, frozen, put
from rebalance.workflow.probe_fitting import (
    check_probe,
    chosen_probe,
    fit_probe,
    held_of,
    probe_amounts,
    told_of,
)
from rebalance.workflow.probe_sides import probe_sides


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
    check_validation(scoring, held=True)
    with joined(run.device) as processes, ExitStack() as holding:
        if resume:
            training = as_begun(training, output, processes)
        evaluator = Evaluator.of(run, training.precision, progress, processes)
        opened = _without_groups(scoring)
        sets = processes.by_first(
            partial(
                open_sets,
                *(data, test, opened, source, run, evaluator.progress),
                blends_features=True,
            )
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
        check_probe(recipe, loss, training.loss, sets.seen)
        sides = processes.by_first(partial(probe_sides, sets, scoring, recipe, run.seed))
        check_validation(scoring, held=bool(sides))
        arch, network, transform = processes.by_first(
            partial(frozen, training, len(sets.seen.classes), run.seed)
        )
        options = with_resize(told, transform.fit)
        amounts = probe_amounts(recipe, sets.seen, loss)
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
            partial(fit_probe, np.concatenate(shown), sets, loss, sides, recipe)
        )
        put(network, fitted.layer)
        ranges = FeatureRanges.of(seen, np.array(sets.seen.folder.labels))
        told_fit = told_of(fitted, sets, sides, recipe.head)
        trained = Trained(
            *(arch, network, transform, loss, amounts, ranges),
            head_fit=told_fit,
            held=held_of(fitted, amounts, told_fit["by"]),
        )
        return conclude(
            *(folder, trained, scoring, sets.seen, sets.tested, evaluator),
            validation=sets.validation,
        )


def _without_groups(scoring: ScoringOptions) -> ScoringOptions:
    """Return how validation images are split off; where none are, groups say how folds are."""
    if scoring.val_fraction is not None or scoring.val is not None:
        return scoring
    return replace(scoring, groups=None, group_column=None)
