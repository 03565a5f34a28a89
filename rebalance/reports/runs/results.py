"""The results of runs, read from their folders and nothing else: no image, no network.

May not import torch or click.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from rebalance.errors import DataError, SettingError
from rebalance.metrics import Predictions
from rebalance.records import MetricsRecord, RunOptionsRecord
from rebalance.records.shape import misfit
from rebalance.reports.runs.predictions import StoredPredictions, read_predictions
from rebalance.runs import DECISION, METRICS, PREDICTIONS, Run
from rebalance.scoring.classifiers import OwnHead, classifier_of
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.stored import Decisions
from rebalance.scoring.temperature import tempered
from rebalance.scoring.thresholds import THRESHOLDS, recorded

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

    recalls, gaps, norms: the last stage is what holds. head_epochs: of a last layer that was
    trained anew. predictions: None where they are not kept. name: distinguishes it from the other
    runs. missing: sentences on what cannot be shown of it, and why.
    """

    name: str
    run: Run
    epochs: Epochs
    head_epochs: Epochs
    metrics: MetricsRecord | None = None
    recalls: Sequence[Stage] = ()
    gaps: Sequence[Stage] = ()
    norms: Sequence[Stage] = ()
    predictions: StoredPredictions | None = None
    missing: Sequence[str] = ()

    @property
    def options(self) -> RunOptionsRecord:
        """Return the options that it was begun with."""
        return self.run.options

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
    epochs, head_epochs = _epochs(run, run.epochs()), _epochs(run, run.head_epochs())
    if not run.holds(METRICS):
        return Result(name, run, epochs, head_epochs, missing=(_unfinished(run, epochs),))
    metrics, predictions = _metrics(run), read_predictions(run)
    before = metrics.get("before")
    recalls, reason = _recalls(run, metrics, predictions)
    if before is not None:
        recalls = [Stage("former head", _recall(before)), *recalls]
    heads = [("former head", before), ("new head" if before else "as trained", metrics)]
    scored = [(title, each) for title, each in heads if each]
    gaps = [
        Stage(title, gap["per_class"])
        for title, each in scored
        if (gap := each.get("generalization_gap")) is not None
    ]
    norms = [Stage(title, each["weight_norms"]) for title, each in scored if "weight_norms" in each]
    missing = [reason] if reason else []
    if not gaps:
        missing.append("There is no generalization gap among its metrics.")
    if not norms:
        missing.append(
            "An earlier version made it, which kept no weight norms, no gap of true and of false "
            "positives, and nothing to map the test images by."
        )
    if predictions is None and not reason:
        missing.append(f"Its {PREDICTIONS} is missing, so no image of it is shown, nor a curve.")
    return Result(
        name, run, epochs, head_epochs, metrics, recalls, gaps, norms, predictions, missing
    )


def _metrics(run: Run) -> MetricsRecord:
    """Read the metrics of a run that has ended. Raises DataError unless they fit its classes."""
    found = run.read_record(METRICS)
    metrics = cast(MetricsRecord, found)  # if it is no misfit
    classes = set(run.options["counts"])
    fault = misfit(found, MetricsRecord, "metrics") or next(
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


def _fit(record: MetricsRecord, classes: set[str]) -> bool:
    return (
        _is_read(classifier_of, record["classifier"])
        and _is_read(recorded, record["threshold"])
        and record["per_class"].keys() == classes
        and [len(row) for row in record["confusion_matrix"]] == [len(classes)] * len(classes)
    )


def _is_read(read: Callable[[str], Any], text: str) -> bool:
    """Tell whether this is the text of a choice that there is."""
    try:
        read(text)
    except SettingError:
        return False
    return True


def _epochs(run: Run, rows: Sequence[Mapping[str, str]]) -> Epochs:
    """Read a table of epochs; an epoch of an earlier version may lack what later ones say."""
    try:
        frozen = sum(row.get("phase") == "frozen" for row in rows)
        columns = {
            name: [float(row[name] or math.nan) for row in rows]
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


def _recall(metrics: MetricsRecord) -> ByClass:
    return {name: each["recall"] for name, each in metrics["per_class"].items()}


def _recalls(
    run: Run, metrics: MetricsRecord, predictions: StoredPredictions | None
) -> tuple[list[Stage], str]:
    """Return recall without and with the run's threshold, and why one is missing, if it is."""
    threshold, classifier = metrics["threshold"], metrics["classifier"]
    chosen = classifier_of(classifier)
    source = chosen.label
    if not THRESHOLDS[recorded(threshold).name].changes:
        reason = (
            ""
            if isinstance(chosen, OwnHead)
            else f"It decides by the {chosen.label}. What its head would have said is not kept: "
            "ask with evaluate RUN TEST --classifier head."
        )
        return [Stage(source, _recall(metrics))], reason
    after = Stage(f"threshold {threshold}", _recall(metrics))
    for name in (DECISION, PREDICTIONS):
        if not run.holds(name):
            return [
                after
            ], f"Its {name} is missing, so the recall without a threshold is not known."
    own = Decisions.from_record(run.read_record(DECISION), len(run.options["counts"])).own
    assert predictions is not None
    return [Stage(source, recall_without(own, predictions.said)), after], ""


def recall_without(rule: DecisionRule, predictions: Predictions) -> ByClass:
    """Compute the recall of each class if the largest probability had decided.

    This is the recall without the run's threshold, whose probabilities say how it is undone.
    """
    said = predictions.probabilities
    if rule.temperature is not None:  # what came last is taken back first
        said = tempered(said, 1 / rule.temperature)
    undone = said * THRESHOLDS[rule.threshold].undo(**rule.options)
    plain = replace(predictions, predicted=undone.argmax(axis=1))
    known = dict(zip(plain.present.tolist(), plain.recalls.tolist(), strict=True))
    return {name: known.get(label) for label, name in enumerate(plain.classes)}
