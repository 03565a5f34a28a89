"""The story of evaluate: the network of a run on another test set, or decided in another way.

Where torchrun started several processes, each of them tells it; only the first one writes. Imports
torch only in the middle of it; never click.
"""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.data.samples import open_scoring
from rebalance.distributed.processes import joined
from rebalance.errors import OutputError
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
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.stored import Decisions
from rebalance.settings import FolderOptions, RunOptions
from rebalance.workflow.conclusion import warn_of_one_class

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
    source: FolderOptions,
    run: RunOptions,
    precision: str,
    progress: Progress,
) -> MetricsRecord:
    """Score the network of a run on a test set; returns the metrics.

    threshold, classifier: as for ``train``; None is as the run decided.
    """
    workers = chosen_workers(run.workers)
    with joined(run.device) as processes:
        if output is not None:
            processes.by_first(partial(check_writable, Path(output), overwrite=run.overwrite))
        evaluator = Evaluator.of(run, precision, progress, processes)
        folder = processes.by_first(partial(Run.open, path))
        saved = processes.by_first(folder.load_model)
        record = processes.by_first(partial(folder.read_record, DECISION))
        decisions = Decisions.from_record(record, len(saved.classes))
        if threshold is not None and decisions.lacks(threshold):
            again = partial(counts_at_first_of, folder.options)
            decisions = decisions.with_folder(processes.by_first(again))
        decisions.check(classifier, threshold, saved.classes, folder.options["counts"])
        read = partial(open_scoring, test, saved.classes, source, workers, evaluator.progress)
        scale = scale_from(folder.options)
        tested = processes.by_first(partial(read, strict=run.strict, scale=scale))
        if processes.first:
            warn_of_one_class(tested)
        rule = _rule(folder, saved, decisions, threshold, classifier, workers, evaluator)
        loss, counts = scoring_loss(folder.options), folder.options["counts"]
        ranges = processes.by_first(partial(_ranges, folder, saved.network))
        found = evaluator.evaluate(
            saved.network, loss, tested, saved.transform, rule, counts, ranges
        )
        if output is not None:
            processes.by_first(partial(write_predictions, Path(output), *found.predictions))
        return found.metrics


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
    workers: int,
    evaluator: Evaluator,
) -> DecisionRule:
    """Return how to decide; a rule that is not the run's own is fitted, and kept with it."""
    processes = evaluator.processes
    centres = decisions.own.centres
    if threshold is None and classifier is None and not (centres and centres.outdated):
        return decisions.own

    def fit_centres() -> "Centres":
        reopen = partial(reopen_training, folder.options, workers, evaluator.progress)
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
