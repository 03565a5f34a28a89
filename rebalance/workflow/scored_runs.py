"""Finished runs that are opened to be scored, one or several: how each decides, and on what.

Imports torch only in the middle of it; never click.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.data.samples import ScoringSet, open_scoring
from rebalance.errors import OutputError, SettingError, some
from rebalance.metrics import FeatureRanges
from rebalance.parallel import chosen_workers
from rebalance.runs import DECISION, Run
from rebalance.runs.options import (
    counts_at_first_of,
    reopen_training,
    scale_from,
    scoring_loss,
)
from rebalance.runs.sets import Looks
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import DecisionRule, find_rule
from rebalance.scoring.searched_costs import check_held
from rebalance.scoring.stored import Decisions
from rebalance.scoring.thresholds import parsed
from rebalance.settings import DecisionOptions, FeatureFiles, FolderOptions, RunOptions
from rebalance.workflow.conclusion import keep_decisions
from rebalance.workflow.file_bodies import HeadFiles
from rebalance.workflow.head_evaluators import VectorEvaluator

if TYPE_CHECKING:
    from rebalance.models.checkpoints import Saved
    from rebalance.models.network import Network
    from rebalance.scoring.classifier import Classifier, FittedClassifier, TrainingEmbedding

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class ScoredRun:
    """A run that is to be scored: its folder and decisions, who runs its network, and on what.

    asked: how it is to decide. looks: what is asked about files in place of reading them.
    """

    folder: Run
    decisions: Decisions
    asked: DecisionOptions
    evaluator: Evaluator
    looks: Looks

    @classmethod
    def open(
        cls,
        path: Path | str,
        asked: DecisionOptions,
        files: FeatureFiles,
        evaluator: Evaluator,
        *,
        strict: bool,
    ) -> "ScoredRun":
        """Open a run; raise now what it could not do, before any image is read."""
        by_first = evaluator.processes.by_first
        folder = by_first(partial(Run.open, path))
        seen_by = _files(folder, files, strict=strict)
        looks = Looks() if seen_by is None else seen_by.looks
        if seen_by is not None:
            evaluator = VectorEvaluator.beside(evaluator)
        counts = folder.options["counts"]
        record = by_first(partial(folder.read_record, DECISION))
        decisions = Decisions.from_record(record, len(counts))
        if asked.threshold is not None and decisions.lacks(asked.threshold):
            again = partial(counts_at_first_of, folder.options)
            decisions = decisions.with_folder(by_first(again))
        if asked.threshold is not None:
            decisions = by_first(partial(_with_searched, folder, decisions, asked))
        decisions.check(asked.classifier, asked.threshold, list(counts), counts)
        return cls(folder, decisions, asked, evaluator, looks)

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of the network's outputs."""
        return list(self.folder.options["counts"])

    @property
    def expected(self) -> DecisionRule:
        """How it will decide, where what that needs of images may be yet to be fitted."""
        counts, asked = self.folder.options["counts"], self.asked
        numbers = list(counts.values())
        return self.decisions.rule(
            asked.classifier, asked.threshold, self.classes, lambda chosen: chosen.stand_in(numbers)
        )

    def load(self) -> "Saved":
        """Load the network; every process has it."""
        return self.evaluator.processes.by_first(self.folder.load_model)

    def read(self, test: Path | str, source: FolderOptions, run: RunOptions) -> ScoringSet:
        """Read the images to score, on the scale of those that the run was trained on."""
        evaluator = self.evaluator
        workers = chosen_workers(run.workers)
        read = partial(open_scoring, test, self.classes, source, workers, evaluator.progress)
        scale = scale_from(self.folder.options)
        opened = partial(read, strict=run.strict, scale=scale, look=self.looks.tested)
        return evaluator.processes.by_first(opened)

    def reads_as(self, other: "ScoredRun") -> bool:
        """Tell whether both read the same files in the same way."""
        scales = (scale_from(each.folder.options) for each in (self, other))
        return next(scales) == next(scales) and self.looks.tested == other.looks.tested

    def ranges(self, network: "Network") -> FeatureRanges | None:
        """The ranges that the run keeps, where they are of what the network's last layer sees."""
        return self.evaluator.processes.by_first(partial(_ranges, self.folder, network))

    def rule(self, saved: "Saved", run: RunOptions) -> DecisionRule:
        """Return how to decide; a rule that is not the run's own is fitted, and kept with it."""
        processes, own = self.evaluator.processes, self.decisions.own
        classifier, threshold = self.asked.classifier, self.asked.threshold

        def fit(chosen: "Classifier") -> "FittedClassifier | None":
            return chosen.fit(self._seen(saved, run), len(self.classes))

        if threshold is None and classifier is None:
            if own.outdated:
                own = own.with_fitted(fit)
                processes.by_first(partial(_keep, self.folder, replace(self.decisions, own=own)))
            return own
        rule = self.decisions.rule(classifier, threshold, self.classes, fit)
        if rule.outdated:  # it was chosen when the run ended, and its images are to be brought
            rule = rule.with_fitted(fit)
        if self.decisions.calibrated and rule.temperature is None and processes.first:
            log.warning(
                "the run's temperature was fitted for other decisions (%s): these probabilities "
                "are as the network gives them",
                own.name,
            )
        processes.by_first(partial(_keep, self.folder, self.decisions.with_other(rule)))
        return rule

    def _seen(self, saved: "Saved", run: RunOptions) -> "TrainingEmbedding":
        """The training images as the network embeds them: as the run keeps them, or found anew."""
        by_first = self.evaluator.processes.by_first
        kept = by_first(self.folder.load_neighbours)
        if kept is not None:
            return kept
        workers, progress = chosen_workers(run.workers), self.evaluator.progress
        options, look = self.folder.options, self.looks.seen
        seen = by_first(partial(reopen_training, options, workers, progress, look=look))
        return self.evaluator.seen(saved.network, scoring_loss(options), seen, saved.transform)


def _with_searched(folder: Run, decisions: Decisions, asked: DecisionOptions) -> Decisions:
    """Search the costs that are asked for on what a run keeps of images held out, if anything."""
    threshold, classifier = str(asked.threshold), asked.classifier or decisions.own.classifier
    kept = (decisions.own.name, *decisions.others)
    if not parsed(threshold).searches_costs or f"head, {threshold}" in kept:
        return decisions
    held = folder.load_held_out() if classifier == "head" else None
    if held is None:
        return decisions
    counts = folder.options["counts"]
    check_held(held.labels, list(counts), f"--threshold {threshold}")
    rule = find_rule(classifier, threshold, list(counts), decisions.amounts, lambda chosen: None)
    rule = rule.chosen_on(*held, seed=folder.options["seed"])
    log.info("%s", rule.told_of_choice(list(counts)))
    if decisions.calibrated:
        rule = rule.calibrated(held.outputs, held.labels)
    return decisions.with_other(rule)


def check_classes(runs: Sequence[ScoredRun]) -> None:
    """Raise SettingError unless all runs tell the same classes apart, in the same order."""
    for each in runs[1:]:
        if each.classes != runs[0].classes:
            raise SettingError(
                "runs that decide together need the same classes in the same order, but "
                f"{str(runs[0].folder.path)!r} has {some(runs[0].classes, quoted=False)}, and "
                f"{str(each.folder.path)!r} {some(each.classes, quoted=False)}"
            )


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


def _keep(folder: Run, decisions: Decisions) -> None:
    """With the run, where it can be written to; a run that cannot is scored all the same."""
    try:
        keep_decisions(folder, decisions)
    except OutputError as error:
        log.warning("the decision is not kept with the run: %s", error)
