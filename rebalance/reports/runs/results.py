"""The results of runs, read from their folders and nothing else: no image, no network.

May not import torch or click.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rebalance.errors import DataError, SettingError
from rebalance.records import MetricsRecord
from rebalance.records.shape import misfit
from rebalance.runs import DECISION, METRICS, Run
from rebalance.runs.folder import PREDICTIONS
from rebalance.scoring.rules import CLASSIFIERS, DecisionRule
from rebalance.scoring.stored import Decisions
from rebalance.scoring.thresholds import THRESHOLDS

ByClass = Mapping[str, float | None]


@dataclass(frozen=True)
class Stage:
    """One number per class at one stage, before or after something was done.

    None stands for a class without a number.
    """

    name: str
    by_class: ByClass


@dataclass(frozen=True)
class Epochs:
    """The notes that training took after each epoch, column by column.

    numbers: from 1. frozen: how many had the body frozen; they come first. columns: by their name
    in ``summary.csv``, those that hold numbers.
    """

    numbers: Sequence[int]
    frozen: int
    columns: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Result:
    """The results of one run. metrics: None before it has ended.

    recalls, gaps: the last stage is what holds. name: distinguishes it from the other runs.
    missing: sentences on what cannot be shown of it, and why.
    """

    name: str
    options: Mapping[str, Any]
    epochs: Epochs
    metrics: Mapping[str, Any] | None
    recalls: Sequence[Stage]
    gaps: Sequence[Stage]
    missing: Sequence[str]

    @property
    def counts(self) -> Mapping[str, int]:
        """The training images of each class."""
        counts: Mapping[str, int] = self.options["counts"]
        return counts


def read_results(paths: Sequence[Path | str]) -> list[Result]:
    """Read the runs in those folders, in that order.

    Raises SettingError for no run and for one that is given twice, and DataError for a folder that
    is no run, one that is damaged, and runs over different classes.
    """
    if not paths:
        raise SettingError("a report of runs needs at least one: give the folder that train made")
    runs = [Run.open(path) for path in paths]
    for path, times in Counter(str(run.path.resolve()) for run in runs).items():
        if times > 1:
            raise SettingError(f"each run is shown once, but {path!r} is given {times} times")
    found = [_read(run, name) for run, name in zip(runs, _names(runs), strict=True)]
    for other in found[1:]:
        if odd := set(found[0].counts) ^ set(other.counts):
            name = min(odd)
            having, lacking = (found[0], other) if name in found[0].counts else (other, found[0])
            raise DataError(
                "runs side by side need the same classes, but class "
                f"{name!r} is in {having.name!r} and not in {lacking.name!r}: report them apart"
            )
    return found


def by_size(results: Sequence[Result]) -> list[str]:
    """List the classes, those with the most training images (of any run) first; a tie by name."""
    sizes = {name: max(each.counts[name] for each in results) for name in results[0].counts}
    return sorted(sizes, key=lambda name: (-sizes[name], name))


def _names(runs: Sequence[Run]) -> list[str]:
    """Return the folders' names, or where two are alike, the paths that were given."""
    names = [run.path.resolve().name for run in runs]
    alike = {name for name, times in Counter(names).items() if times > 1}
    return [str(run.path) if name in alike else name for run, name in zip(runs, names, strict=True)]


def _read(run: Run, name: str) -> Result:
    epochs = _epochs(run)
    if not run.holds(METRICS):
        return Result(name, run.options, epochs, None, (), (), (_unfinished(run, epochs),))
    metrics = _metrics(run)
    before = metrics.get("before")
    recalls, reason = _recalls(run, metrics)
    if before is not None:
        recalls = [Stage("former head", _recall(before)), *recalls]
    heads = [("former head", before), ("new head" if before else "as trained", metrics)]
    gaps = [
        Stage(title, each["generalization_gap"]["per_class"])
        for title, each in heads
        if each and each.get("generalization_gap")
    ]
    missing = [reason] if reason else []
    if not gaps:
        missing.append("There is no generalization gap among its metrics.")
    return Result(name, run.options, epochs, metrics, recalls, gaps, missing)


def _metrics(run: Run) -> dict[str, Any]:
    """Read the metrics of a run that has ended. Raises DataError unless they fit its classes."""
    metrics = run.read_record(METRICS)
    classes = set(run.options["counts"])
    fault = misfit(metrics, MetricsRecord, "metrics") or next(
        (
            "it is of other classes or choices"
            for each in (metrics, metrics.get("before"))
            if each is not None and not _fit(each, classes)
        ),
        None,
    )
    if fault is not None:
        raise DataError(
            f"{METRICS} of {str(run.path)!r} is not as train leaves it ({fault}): train again, or "
            "leave the run out"
        )
    return metrics


def _fit(record: Mapping[str, Any], classes: set[str]) -> bool:
    return (
        record["classifier"] in CLASSIFIERS
        and record["threshold"] in THRESHOLDS
        and record["per_class"].keys() == classes
        and [len(row) for row in record["confusion_matrix"]] == [len(classes)] * len(classes)
    )


def _epochs(run: Run) -> Epochs:
    rows = run.epochs()
    try:
        frozen = sum(row["phase"] == "frozen" for row in rows)
        columns = {
            name: [float(row[name]) for row in rows]
            for name in (rows[0] if rows else {})
            if name not in ("epoch", "phase")
        }
        return Epochs([int(row["epoch"]) for row in rows], frozen, columns)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the table of epochs of {str(run.path)!r} is damaged ({error}): begin another run"
        ) from error


def _unfinished(run: Run, epochs: Epochs) -> str:
    recipe = run.options["recipe"]
    planned: list[Any] = [recipe.get(name) for name in ("frozen_epochs", "epochs")]
    if fault := misfit(planned, list[int], "the epochs of its recipe"):
        raise DataError(f"the options of {str(run.path)!r} are damaged ({fault}): train again")
    return (
        f"It has not ended: {len(epochs.numbers)} of {sum(planned)} epochs are done, and nothing "
        f"is scored yet: {run.remedy}."
    )


def _recall(metrics: Mapping[str, Any]) -> ByClass:
    return {name: each["recall"] for name, each in metrics["per_class"].items()}


def _recalls(run: Run, metrics: Mapping[str, Any]) -> tuple[list[Stage], str]:
    """Return recall without and with the run's threshold, and why one is missing, if it is."""
    threshold, classifier = metrics["threshold"], metrics["classifier"]
    source = CLASSIFIERS[classifier].label
    if not THRESHOLDS[threshold].changes:
        reason = (
            "It decides by the nearest centre. What its head would have said is not kept: ask with "
            "evaluate RUN TEST --classifier head."
            if CLASSIFIERS[classifier].needs_centres
            else ""
        )
        return [Stage(source, _recall(metrics))], reason
    after = Stage(f"threshold {threshold}", _recall(metrics))
    for name in (DECISION, PREDICTIONS):
        if not run.holds(name):
            return [
                after
            ], f"Its {name} is missing, so the recall without a threshold is not known."
    own = Decisions.from_record(run.read_record(DECISION), len(run.options["counts"])).own
    return [Stage(source, recall_without(own, run)), after], ""


def recall_without(rule: DecisionRule, run: Run) -> ByClass:
    """Compute the recall of each class if the largest probability had decided.

    This is the recall without the run's threshold.

    Found from ``predictions.csv``: it holds the probabilities after the threshold, which says how
    it is undone. Raises DataError for a file that does not hold a probability for each class.
    """
    classes = list(run.options["counts"])
    undo = THRESHOLDS[rule.threshold].undo(**rule.options)
    columns = [f"probability_{name}" for name in classes]
    images, found = Counter[str](), Counter[str]()
    try:
        for row in run.predictions():
            values = np.array([float(row[column]) for column in columns]) * undo
            images[row["label"]] += 1
            found[row["label"]] += classes[int(values.argmax())] == row["label"]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{PREDICTIONS} of {str(run.path)!r} is damaged ({error}): train again"
        ) from error
    return {name: found[name] / images[name] if images[name] else None for name in classes}
