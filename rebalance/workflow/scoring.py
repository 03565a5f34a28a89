"""The story of evaluate: the network of a run on another test set, or decided in another way.

Where torchrun started several processes, each of them tells it; only the first one writes. Imports
torch only in the middle of it; never click.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.data.samples import TrainingSet, open_scoring
from rebalance.distributed.processes import joined
from rebalance.errors import OutputError, SettingError
from rebalance.manifest import check_writable
from rebalance.metrics import FeatureRanges
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.records import MetricsRecord
from rebalance.runs import DECISION, Run
from rebalance.runs.files import write_predictions
from rebalance.runs.options import (
    counts_at_first_of,
    reopen_training,
    scale_from,
    scoring_loss,
)
from rebalance.runs.sets import Looks
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.stored import Decisions
from rebalance.settings import FeatureFiles, FolderOptions, RunOptions
from rebalance.workflow.conclusion import warn_of_one_class
from rebalance.workflow.file_bodies import HeadFiles
from rebalance.workflow.head_evaluators import VectorEvaluator

if TYPE_CHECKING:
    from rebalance.models.checkpoints import Saved
    from rebalance.models.network import Network
    from rebalance.scoring import Centres

log = logging.getLogger("rebalance")


def evaluate(
    path: Path | str,
    test: Path | str,
    output: Path | str | None,
    *,
    threshold: str | None,
    classifier: str | None,
    files: FeatureFiles,
    source: FolderOptions,
    run: RunOptions,
    precision: str,
    progress: Progress,
) -> MetricsRecord:
    """Score the network of a run on a test set; returns the metrics.

    threshold, classifier: as for ``train``; None is as the run decided. files: the features of the
    test images, where the run was trained on such.
    """
    workers = chosen_workers(run.workers)
    with joined(run.device) as processes:
        if output is not None:
            processes.by_first(partial(check_writable, Path(output), overwrite=run.overwrite))
        evaluator = Evaluator.of(run, precision, progress, processes)
        folder = processes.by_first(partial(Run.open, path))
        seen_by = _files(folder, files, strict=run.strict)
        looks = Looks() if seen_by is None else seen_by.looks
        if seen_by is not None:
            evaluator = VectorEvaluator.beside(evaluator)
        saved = processes.by_first(folder.load_model)
        record = processes.by_first(partial(folder.read_record, DECISION))
        decisions = Decisions.from_record(record, len(saved.classes))
        if threshold is not None and decisions.lacks(threshold):
            again = partial(counts_at_first_of, folder.options)
            decisions = decisions.with_folder(processes.by_first(again))
        decisions.check(classifier, threshold, saved.classes, folder.options["counts"])
        read = partial(open_scoring, test, saved.classes, source, workers, evaluator.progress)
        scale = scale_from(folder.options)
        tested = processes.by_first(
            partial(read, strict=run.strict, scale=scale, look=looks.tested)
        )
        if processes.first:
            warn_of_one_class(tested)
        reopen = partial(
            reopen_training, folder.options, workers, evaluator.progress, look=looks.seen
        )
        rule = _rule(folder, saved, decisions, threshold, classifier, reopen, evaluator)
        loss, counts = scoring_loss(folder.options), folder.options["counts"]
        ranges = processes.by_first(partial(_ranges, folder, saved.network))
        found = evaluator.evaluate(
            saved.network, loss, tested, saved.transform, rule, counts, ranges
        )
        if output is not None:
            processes.by_first(partial(write_predictions, Path(output), *found.predictions))
        return found.metrics


def _files(folder: Run, files: FeatureFiles, *, strict: bool) -> HeadFiles | None:
    """Return what the head of a run sees in place of images; None where it looks at these.

    Raises SettingError where features are given and not asked for, or the other way round.
    """
    known, name = folder.options.get("features"), repr(str(folder.path))
    if known is None:
        if files.features is not None:
            raise SettingError(f"{name} looks at images by a network: leave out --features")
        return None
    if files.features is None:
        raise SettingError(
            f"{name} was trained on features that came from a file ({known['columns']} of an "
            f"image, layer {known['layer']}): give those of the test images with --features FILE"
        )
    return HeadFiles.to_score(known, files, strict=strict)


def _ranges(folder: Run, network: "Network") -> FeatureRanges | None:
    """The ranges that the run keeps, where they are of what the network's last layer sees."""
    from rebalance.models.heads import has_pooled_head

    ranges = folder.load_ranges()
    if ranges is None or ranges.layer == "embedding" or has_pooled_head(network):
        return ranges
    log.warning(
        "%s keeps the ranges of other features than the embedding, by which the generalization gap "
        "is found: none is told; the run's own train command with --resume finds them anew",
        folder.path,
    )
    return None


def _rule(
    folder: Run,
    saved: "Saved",
    decisions: Decisions,
    threshold: str | None,
    classifier: str | None,
    reopen: Callable[[], TrainingSet],
    evaluator: Evaluator,
) -> DecisionRule:
    """Return how to decide; a rule that is not the run's own is fitted, and kept with it.

    reopen: reads the training images again.
    """
    processes = evaluator.processes
    centres = decisions.own.centres
    if threshold is None and classifier is None and not (centres and centres.outdated):
        return decisions.own

    def fit_centres() -> "Centres":
        seen = processes.by_first(reopen)
        loss = scoring_loss(folder.options)
        return evaluator.fit_centres(saved.network, loss, seen, saved.transform)

    rule = decisions.rule(classifier, threshold, saved.classes, fit_centres)
    if decisions.calibrated and rule.temperature is None and processes.first:
        log.warning(
            "the run's temperature was fitted for other decisions (%s): these probabilities are as "
            "the network gives them",
            decisions.own.name,
        )
    processes.by_first(partial(_keep, folder, decisions.with_other(rule)))
    return rule


def _keep(folder: Run, decisions: Decisions) -> None:
    """With the run, where it can be written to; a run that cannot is scored all the same."""
    try:
        folder.write_record(DECISION, decisions.to_record())
    except OutputError as error:
        log.warning("the decision is not kept with the run: %s", error)
