"""The story of evaluate: the network of a run on another test set, or decided in another way.

Or those of several runs, which decide together. Where torchrun started several processes, each of
them tells it; only the first one writes. Imports torch only in the middle of it; never click.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rebalance.data.samples import ScoringSet
from rebalance.distributed.processes import Processes, joined
from rebalance.errors import DataError, SettingError
from rebalance.manifest import check_writable
from rebalance.progress import Progress
from rebalance.records import MetricsRecord
from rebalance.runs.files import write_predictions
from rebalance.runs.options import scoring_loss
from rebalance.scoring.evaluation import PredictionTable
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.fusion import check_alike, evaluate_together
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.thresholds import Decision
from rebalance.settings import DecisionOptions, FeatureFiles, FolderOptions, RunOptions
from rebalance.workflow.conclusion import warn_of_one_class
from rebalance.workflow.scored_runs import ScoredRun, check_classes

Scored = tuple[MetricsRecord, PredictionTable]


def evaluate(
    path: Path | str | Sequence[Path | str],
    test: Path | str,
    output: Path | str | None,
    *,
    decision: DecisionOptions,
    files: FeatureFiles,
    source: FolderOptions,
    run: RunOptions,
    precision: str,
    progress: Progress,
) -> MetricsRecord:
    """Score the network of a run, or those of several together, on a test set; the metrics.

    decision: None in it is as the run decided. files: the features of the test images, where the
    runs were trained on such.
    """
    paths = _each(path)
    with joined(run.device) as processes:
        if output is not None:
            processes.by_first(partial(check_writable, Path(output), overwrite=run.overwrite))
        evaluator = Evaluator.of(run, precision, progress, processes)
        runs = [
            ScoredRun.open(each, decision, files, evaluator, strict=run.strict) for each in paths
        ]
        score = _alone if len(runs) == 1 else _together
        metrics, predictions = score(runs, test, source, run, processes)
        if output is not None:
            processes.by_first(partial(write_predictions, Path(output), *predictions))
        return metrics


def _each(path: Path | str | Sequence[Path | str]) -> list[Path | str]:
    """The runs that are named; SettingError where there is none, or one twice."""
    paths = [path] if isinstance(path, str | Path) else list(path)
    if not paths:
        raise SettingError("a run to score is needed, and none was given: name one or several")
    known = [Path(each).resolve() for each in paths]
    for place, each in enumerate(known):
        if each in known[:place]:
            raise SettingError(
                f"{str(paths[place])!r} is given twice, and would count twice: name each run once"
            )
    return paths


def _alone(
    runs: Sequence[ScoredRun],
    test: Path | str,
    source: FolderOptions,
    run: RunOptions,
    processes: Processes,
) -> Scored:
    """One run, with the metrics that only one network has."""
    (each,) = runs
    saved = each.load()
    tested = each.read(test, source, run)
    if processes.first:
        warn_of_one_class(tested)
    rule = each.rule(saved, run)
    loss, counts = scoring_loss(each.folder.options), each.folder.options["counts"]
    ranges = each.ranges(saved.network)
    found = each.evaluator.evaluate(
        saved.network, loss, tested, saved.transform, rule, counts, ranges
    )
    return found.metrics, found.predictions


def _together(
    runs: Sequence[ScoredRun],
    test: Path | str,
    source: FolderOptions,
    run: RunOptions,
    processes: Processes,
) -> Scored:
    """Several runs, whose networks are in memory one after the other."""
    check_classes(runs)
    names = [str(each.folder.path) for each in runs]
    check_alike([each.expected for each in runs], names)
    tested = runs[0].read(test, source, run)
    if processes.first:
        warn_of_one_class(tested)
    said: list[tuple[Decision, DecisionRule]] = []
    for each in runs:
        own = tested if each.reads_as(runs[0]) else each.read(test, source, run)
        _check_images(tested, own, names[0], str(each.folder.path))
        saved = each.load()
        rule, loss = each.rule(saved, run), scoring_loss(each.folder.options)
        outputs = each.evaluator.predict(saved.network, loss, own, saved.transform)
        said.append((rule.decide(outputs), rule))
    decisions, rules = zip(*said, strict=True)
    check_alike(rules, names)
    counts = [each.folder.options["counts"] for each in runs]
    most = [max(own[name] for own in counts) for name in runs[0].classes]
    return evaluate_together(decisions, rules, names, tested.folder, most)


def _check_images(first: ScoringSet, other: ScoringSet, name: str, another: str) -> None:
    """Raise DataError unless both runs look at the same images."""
    odd = set(first.folder.paths).symmetric_difference(other.folder.paths)
    if odd:
        raise DataError(
            f"runs that decide together need the same images, but {min(odd)!r} is there for one of "
            f"{name!r} and {another!r} alone: leave it out of TEST, or add its features"
        )
