"""The story of train --recipe probe: a body as it is, and a linear head on its cached features.

Where torchrun started several processes, they share the features; the first one fits the head.
Imports torch only in the middle of it; never click.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.distributed.processes import joined
from rebalance.errors import SettingError
from rebalance.metrics import FeatureRanges
from rebalance.progress import Progress
from rebalance.records import MetricsRecord, RunOptionsRecord
from rebalance.runs.options import make_loss, record_options, with_resize
from rebalance.runs.sets import Looks, Sets, open_sets
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import check_rule
from rebalance.settings import (
    FeatureFiles,
    FolderOptions,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.settings.recipes import ProbeRecipe
from rebalance.workflow.beginning import as_begun, begun_folder
from rebalance.workflow.conclusion import (
    Trained,
    check_held_out,
    check_validation,
    conclude,
    warn_of_one_class,
)
from rebalance.workflow.file_bodies import FileBody, HeadFiles
from rebalance.workflow.frozen_bodies import FrozenBody, put
from rebalance.workflow.head_evaluators import HeadEvaluator
from rebalance.workflow.probe_fitting import (
    check_probe,
    chosen_probe,
    fit_probe,
    held_of,
    probe_amounts,
    told_of,
)
from rebalance.workflow.probe_sides import compared_labels, probe_sides
from rebalance.workflow.searched_costs import check_compared, searches_costs, with_costs_of

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform


class Body(Protocol):
    """What a head is fitted on: a network's features of images, or those that a file has."""

    @property
    def looks(self) -> Looks:
        """What is asked about images in place of reading them."""

    def evaluator(self, evaluator: Evaluator) -> HeadEvaluator:
        """Return an evaluator of heads on it."""

    def network(self, classes: int, seed: int) -> "tuple[str, Network, Transform]":
        """Return it under a last layer that is yet to be fitted: see ``conclusion.Trained``."""

    def told(self, options: RunOptionsRecord) -> RunOptionsRecord:
        """Return the options of a run with what they are to tell of it."""


def train_probe(
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
    """Fit a head on features of DATA, evaluate on TEST, keep both as a run; the metrics."""
    recipe = chosen_probe(training, files)
    check_validation(scoring, held=True)
    if files.val_features is not None and scoring.val is None:
        raise SettingError("--val-features is of the images of --val: give that too")
    with joined(run.device) as processes, ExitStack() as holding:
        if resume:
            training = as_begun(training, output, processes)
        body = processes.by_first(partial(_body, training, files, run))
        evaluator = body.evaluator(Evaluator.of(run, training.precision, progress, processes))
        opened = _without_groups(scoring)
        sets = processes.by_first(
            partial(
                open_sets,
                *(data, test, opened, source, run, evaluator.progress),
                blends_features=True,
                looks=body.looks,
            )
        )
        training = _with_costs(training, scoring, recipe, body, sets, evaluator, run.seed)
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
        check_held_out(scoring, compared_labels(sets, sides), sets.seen.classes)
        arch, network, transform = processes.by_first(
            partial(body.network, len(sets.seen.classes), run.seed)
        )
        options = processes.by_first(partial(body.told, with_resize(told, transform.fit)))
        amounts = probe_amounts(recipe, sets.seen, loss)
        check_rule(
            *(scoring.classifier, scoring.threshold, sets.seen.classes, amounts), sets.seen.counts
        )
        warn_of_one_class(sets.tested)
        folder = begun_folder(
            output, options, holding, processes, overwrite=run.overwrite, resume=resume
        )
        features = _embedded(network, sets, transform, evaluator)
        fitted = processes.by_first(partial(fit_probe, features, sets, loss, sides, recipe))
        put(network, fitted.layer)
        seen = sets.seen.folder.labels
        ranges = FeatureRanges.of(features[: len(seen)], np.array(seen))
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


def _body(training: TrainOptions, files: FeatureFiles, run: RunOptions) -> Body:
    if files.features is None:
        return FrozenBody(training, run)
    return FileBody(HeadFiles.to_train_on(files, strict=run.strict))


def _with_costs(
    training: TrainOptions,
    scoring: ScoringOptions,
    recipe: ProbeRecipe,
    body: Body,
    sets: Sets,
    evaluator: HeadEvaluator,
    seed: int,
) -> TrainOptions:
    """Search the costs that the loss is to have, if so, by a plain head on the same features."""
    if not searches_costs(training):
        return training
    by_first, seen = evaluator.processes.by_first, sets.seen
    sides = by_first(partial(probe_sides, sets, scoring, recipe, seed))
    check_compared(sets, sides)
    _, network, transform = by_first(partial(body.network, len(seen.classes), seed))
    features = _embedded(network, sets, transform, evaluator)
    return by_first(partial(with_costs_of, training, features, sets, sides, seed))


def _embedded(
    network: "Network", sets: Sets, transform: "Transform", evaluator: HeadEvaluator
) -> NDArray[np.float32]:
    """The features of the training samples, and after them of the validation images."""
    shown = [evaluator.embed(network, sets.seen, transform)]
    if sets.validation is not None:
        shown.append(evaluator.embed(network, sets.validation, transform))
    return np.concatenate(shown)


def _without_groups(scoring: ScoringOptions) -> ScoringOptions:
    """Return how validation images are split off; where none are, groups say how folds are."""
    if scoring.val_fraction is not None or scoring.val is not None:
        return scoring
    return replace(scoring, groups=None, group_column=None)
