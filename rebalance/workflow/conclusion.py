"""How every kind of training ends: the network, its decision and its metrics, kept in the run.

Imports torch only in the middle of it; never click.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rebalance import seeds
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.errors import MetricError, SettingError
from rebalance.metrics import FeatureRanges
from rebalance.records import HeadFitRecord, MetricsRecord
from rebalance.runs import DECISION, METRICS, Run
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.embedded import EmbeddedImages
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.outputs import HeldOut
from rebalance.scoring.rules import find_rule
from rebalance.scoring.searched_costs import check_held
from rebalance.scoring.stored import Decisions
from rebalance.scoring.thresholds import THRESHOLDS, Asked, parsed
from rebalance.settings import ScoringOptions

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform
    from rebalance.scoring.classifier import Classifier, FittedClassifier
    from rebalance.training.head import HeadEpoch


log = logging.getLogger("rebalance")

BY_HELD_OUT = str(Asked("prior", chosen=True))


@dataclass(frozen=True)
class Trained:
    """A network, and what its training amounted to.

    loss: how its logits become probabilities. amounts: how much of each class the training saw.
    ranges: of the features that its last layer learned from. before: the metrics that the network
    had before it was given another head, if it was. head_epochs: how that head was trained.
    head_fit: how the head of a probe was fitted. held: what it says of folds that it did not see.
    """

    arch: str
    network: "Network"
    transform: "Transform"
    loss: "Loss"
    amounts: Amounts
    ranges: FeatureRanges
    before: MetricsRecord | None = None
    head_epochs: "Sequence[HeadEpoch]" = ()
    head_fit: HeadFitRecord | None = None
    held: HeldOut | None = None


def warn_of_one_class(tested: ScoringSet) -> None:
    """Say before the work that images of one class alone leave some metrics undefined."""
    labels = set(tested.folder.labels)
    if len(labels) == 1:
        log.warning(
            "all images to score are of class %r: metrics that compare it with others, such as ROC "
            "AUC, are not defined, and will be null",
            tested.folder.classes[labels.pop()],
        )


def conclude(
    folder: Run,
    trained: Trained,
    scoring: ScoringOptions,
    seen: TrainingSet,
    tested: ScoringSet,
    evaluator: Evaluator,
    *,
    validation: ScoringSet | None,
) -> MetricsRecord:
    """Keep the network, fit the decision that was asked for, and score it; the metrics.

    seen: the training images, on which alone the decision is fitted. validation: what the power or
    the costs of a threshold and a temperature are chosen on; without them by what ``trained`` held
    out.
    """
    by_first, network, transform = evaluator.processes.by_first, trained.network, trained.transform
    keep = partial(folder.save_model, arch=trained.arch, classes=seen.classes, extra={})
    by_first(partial(keep, network, transform=transform))
    by_first(partial(folder.save_ranges, trained.ranges))

    def fit(chosen: "Classifier") -> "FittedClassifier | None":
        embedded = evaluator.seen(network, trained.loss, seen, transform)
        return chosen.fit(embedded, len(seen.classes))

    rule = find_rule(scoring.classifier, scoring.threshold, seen.classes, trained.amounts, fit)
    decisions = Decisions(rule, trained.amounts)
    held = trained.held
    if validation is not None:
        outputs = evaluator.predict(network, trained.loss, validation, transform)
        held = HeldOut(outputs, validation.folder.labels, "validation images")
    if held is not None:
        by_first(partial(folder.save_held_out, held))
        seed = folder.options["seed"]
        decisions = _with_chosen(decisions, scoring, held, seen.classes, seed)
    if scoring.calibrate and held is not None:
        decisions = _calibrated(decisions, held, seen.classes, fit)
    rule = decisions.own
    by_first(partial(keep_decisions, folder, decisions))
    found = evaluator.evaluate(
        network, trained.loss, tested, transform, rule, folder.options["counts"], trained.ranges
    )
    metrics = found.metrics
    if trained.before is not None:
        metrics = {**metrics, "before": trained.before}
    if trained.head_fit is not None:
        metrics = {**metrics, "head_fit": trained.head_fit}
    by_first(partial(folder.write_record, METRICS, metrics))
    by_first(partial(folder.write_predictions, *found.predictions))
    rng = seeds.generator(folder.options["seed"], "map")
    by_first(lambda: folder.save_embedded(EmbeddedImages.of(found.features, rng)))
    if trained.head_epochs:
        by_first(lambda: folder.write_head_epochs([_row(each) for each in trained.head_epochs]))
    return metrics


def check_validation(scoring: ScoringOptions, *, held: bool = False) -> None:
    """Raise SettingError where something is to be fitted on validation images without any.

    held: whether anything else is held out, to choose the power or the costs of a threshold by.
    """
    if scoring.val is not None or scoring.val_fraction is not None:
        return
    if scoring.calibrate:
        raise SettingError(
            "--calibrate fits a temperature on validation images, and there are none: add --val or "
            "--val-fraction"
        )
    asked = parsed(scoring.threshold)
    by_folds = held and (scoring.classifier == "head" or not asked.searches_costs)
    if not asked.chosen or by_folds:  # folds tell what a head says, and no features
        return
    chooses, given = "chooses its power", "a power, as prior:1"
    if asked.searches_costs:
        chooses, given = "searches its costs", "costs in a file, as cost:FILE"
    raise SettingError(
        f"--threshold {asked} {chooses} on validation images, and there are none: add --val or "
        f"--val-fraction, or give {given}"
    )


def check_held_out(scoring: ScoringOptions, labels: Sequence[int], classes: Sequence[str]) -> None:
    """Raise SettingError where costs are to be searched, and a class has no images to do so on.

    labels: of the images that are held out.
    """
    asked = parsed(scoring.threshold)
    if asked.searches_costs:
        check_held(labels, classes, f"--threshold {asked}")


def _with_chosen(
    decisions: Decisions,
    scoring: ScoringOptions,
    held: HeldOut,
    classes: Sequence[str],
    seed: int,
) -> Decisions:
    """Choose what is asked for: the power of the class shares to divide by, or costs.

    The power is kept for ``evaluate``, which has no validation images, where the run decides
    otherwise; costs, which take longer, are searched when they are asked for.
    """
    asked = parsed(scoring.threshold)
    if asked.chosen:
        own = decisions.own.chosen_on(*held, seed=seed)
        log.info("%s", own.told_of_choice(classes))
        decisions = replace(decisions, own=own)
        if not asked.searches_costs:
            return decisions
    with suppress(MetricError):  # shares that leave a class nothing divide by nothing
        rule = find_rule("head", BY_HELD_OUT, classes, decisions.amounts, _fit_no_head)
        decisions = decisions.with_other(rule.with_power(*held))
    return decisions


def keep_decisions(folder: Run, decisions: Decisions) -> None:
    """Keep every rule with the run, and the training images that some of them decide by.

    Raises OutputError where the system refuses.
    """
    if decisions.kept_apart is not None:
        folder.save_neighbours(decisions.kept_apart)
    folder.write_record(DECISION, decisions.to_record())


def _fit_no_head(chosen: "Classifier") -> None:
    raise AssertionError("a head is fitted by training")


def _calibrated(
    decisions: Decisions,
    held: HeldOut,
    classes: Sequence[str],
    fit: "Callable[[Classifier], FittedClassifier | None]",
) -> Decisions:
    """Fit a temperature to the run's own rule, and to those that divide by the shares it knows.

    The others are kept for ``evaluate``, which has no validation images.
    """
    outputs, labels, by = held
    own = decisions.own.calibrated(outputs, labels)
    log.info("temperature %.3g, fitted on %d %s", own.temperature, len(labels), by)
    found = replace(decisions, own=own)
    by_name = [name for name, each in THRESHOLDS.items() if not each.needs_costs]
    for threshold in by_name:
        if threshold == own.asked or found.lacks(threshold):
            continue
        with suppress(MetricError):  # shares that leave a class nothing divide by nothing
            rule = found.rule(None, threshold, classes, fit)
            found = found.with_other(rule.calibrated(outputs, labels))
    for rule in found.others.values():
        if rule.chosen is not None:
            found = found.with_other(rule.calibrated(outputs, labels))
    return found


def _row(epoch: "HeadEpoch") -> dict[str, Any]:
    row: dict[str, Any] = {
        "epoch": epoch.number,
        "train_loss": round(epoch.loss, 6),
        "train_accuracy": round(epoch.accuracy, 6),
        "lr": epoch.lr,
    }
    if epoch.score is not None:
        row["val_balanced_accuracy"] = round(epoch.score, 6)
    return row
