"""Decision rules: what gives the probabilities, and by which threshold a class is decided on.

What there is to choose from is in ``classifiers`` and ``thresholds``. May not import torch or
click.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rebalance.errors import DataError, FeatureError, MetricError, SettingError
from rebalance.records import PowerRecord, RuleRecord, SearchRecord
from rebalance.records.shape import misfit
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.centres import Centres
from rebalance.scoring.classifier import Classifier, FittedClassifier
from rebalance.scoring.classifiers import OwnHead, classifier_of, spelled_classifier
from rebalance.scoring.costs import read_cost_matrix
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.powers import PowerChoice, try_powers
from rebalance.scoring.searched_costs import CostChoice, alike, search_costs
from rebalance.scoring.temperature import fit_temperature, tempered
from rebalance.scoring.thresholds import THRESHOLDS, Asked, Decision, Known, none, parsed

HEAD, CENTRES = "head", "centres"  # the classifiers that records of early versions tell apart


@dataclass(frozen=True, eq=False)
class DecisionRule:
    """Which class is decided on.

    threshold: a key of ``scoring.THRESHOLDS``. options: its options, plain numbers. classifier:
    what gives the probabilities, as ``classifiers.spelled_classifier`` has it. fitted: what that
    came to on training images, None for the network's own head. temperature: of the probabilities
    that are told, which changes no decision; None where none was fitted. chosen: how the power of
    the class shares or the costs were, where they were asked for so.
    """

    threshold: str = "none"
    options: Mapping[str, Any] = field(default_factory=dict)
    classifier: str = HEAD
    fitted: FittedClassifier | None = None
    temperature: float | None = None
    chosen: PowerChoice | CostChoice | None = None

    @property
    def outdated(self) -> bool:
        """Tell whether its classifier is to be fitted anew before it decides."""
        return self.fitted is not None and self.fitted.outdated

    def with_fitted(self, fit: Callable[[Classifier], FittedClassifier | None]) -> "DecisionRule":
        """The same rule, its classifier fitted anew."""
        return replace(self, fitted=fit(classifier_of(self.classifier)))

    def decide(self, outputs: Outputs) -> Decision:
        """Probabilities [N, K] and the class index decided on [N]."""
        decided = self._decide(outputs)
        if self.temperature is None:
            return decided
        # After the division by the prior, and on what is told alone: no decision can change.
        return decided._replace(probabilities=tempered(decided.probabilities, self.temperature))

    def _decide(self, outputs: Outputs) -> Decision:
        said = self._said(outputs)
        threshold = THRESHOLDS[self.threshold]
        if not threshold.changes:
            return said  # centres tell more apart by distance than by probabilities
        return threshold(said.probabilities, **self.options)

    def _said(self, outputs: Outputs) -> Decision:
        """What the classifier says, by itself."""
        return none(outputs.probabilities) if self.fitted is None else self.fitted.decide(outputs)

    def calibrated(self, outputs: Outputs, labels: Sequence[int]) -> "DecisionRule":
        """The same rule with the temperature of the smallest log loss on validation images.

        labels: their class index [N]. Where the rule divides by class shares, its probabilities are
        for a test set with as many images of each class, and the classes count alike; where by a
        power of them, in between; where that was chosen, it was for such a test set again.
        """
        probabilities = self._decide(outputs).probabilities
        tau = float(self.options.get("tau", 1.0)) if self.chosen is None else 1.0
        tau = 0.0 if self.divided_by is None else tau
        return replace(self, temperature=fit_temperature(probabilities, labels, tau=tau))

    def chosen_on(
        self, outputs: Outputs, labels: Sequence[int], by: str, *, seed: int
    ) -> "DecisionRule":
        """The same rule with what was asked to be chosen on images held out: a power, or costs.

        See ``with_power`` and ``searched_costs.search_costs``.
        """
        if THRESHOLDS[self.threshold].takes_power:
            return self.with_power(outputs, labels, by)
        said = self._said(outputs).probabilities
        choice = search_costs(said, labels, by, seed=seed)
        return replace(self, options={"matrix": choice.matrix}, chosen=choice)

    def with_power(self, outputs: Outputs, labels: Sequence[int], by: str) -> "DecisionRule":
        """The same rule, dividing by the power of class shares that does best on images held out.

        labels: their class index [N]. by: what they are, in words. See ``powers.try_powers``.
        """
        said = self._said(outputs).probabilities
        shares = (self.options[name] for name in ("train_prior", "target_prior"))
        choice = PowerChoice(by, try_powers(said, labels, *shares))
        return replace(self, options={**self.options, "tau": choice.best}, chosen=choice)

    def told_of_choice(self, classes: Sequence[str]) -> str:
        """Say what was chosen on images held out, which something was; on one line."""
        assert self.chosen is not None
        if isinstance(self.chosen, CostChoice):
            return self.chosen.told(classes)
        return f"power {self.options['tau']:g} of the class shares, chosen by {self.chosen.by}"

    @property
    def name(self) -> str:
        """What a run keeps the rule by."""
        return f"{self.classifier}, {self.asked}"

    @property
    def asked(self) -> str:
        """How the threshold is asked for, but for a file of costs: prior, prior:0.5, prior:val."""
        tau, chosen = self.options.get("tau", 1.0), self.chosen is not None
        return str(Asked(self.threshold, tau=tau, chosen=chosen))

    @property
    def divided_by(self) -> list[float] | None:
        """The class shares [K] that it divides by, or by a power of; None where by none."""
        return list(self.options["train_prior"]) if THRESHOLDS[self.threshold].divides_by else None

    @property
    def idle(self) -> str:
        """Why the threshold never changes a decision, in words; empty where it may."""
        threshold = THRESHOLDS[self.threshold]
        if not threshold.changes or not threshold.idle(**self.options):
            return ""
        chosen = classifier_of(self.classifier)
        knows = chosen.knows_prior or not threshold.divides_by
        return threshold.when_idle if knows else f"the {chosen.label} knows of no class shares"

    def to_record(self) -> RuleRecord:
        """For JSON; ``from_record`` reads it back, to the last bit."""
        record: RuleRecord = {
            "threshold": self.threshold,
            "options": dict(self.options),
            "centres": self.fitted.values() if isinstance(self.fitted, Centres) else None,
        }
        if self.fitted is not None and record["centres"] is None:
            record["fitted"] = {"classifier": self.classifier, "values": dict(self.fitted.values())}
        if self.temperature is not None:
            record["temperature"] = self.temperature
        if isinstance(self.chosen, CostChoice):
            record["searched"] = self.chosen.to_record()
        elif self.chosen is not None:
            tried = self.chosen.tried.items()
            record["chosen"] = {
                "by": self.chosen.by,
                "tried": [{"number": power, "loss": loss} for power, loss in tried],
            }
        return record

    @classmethod
    def from_record(cls, record: Any, classes: int) -> "DecisionRule":
        """The rule that ``to_record`` described, for so many classes.

        Raises DataError for anything else.
        """
        try:
            if fault := misfit(record, RuleRecord, "the rule"):
                raise ValueError(fault)
            options = record["options"]
            THRESHOLDS[record["threshold"]](np.full((1, classes), 1 / classes), **options)
            classifier, values = _kept(record)
            fitted = classifier_of(classifier).read(values, classes)
            temperature = record.get("temperature")
            if temperature is not None and not 0 < temperature < math.inf:
                raise ValueError(f"a temperature is above 0, and it is {temperature!r}")
            chosen = _chosen(record.get("chosen")) or _searched(record.get("searched"))
        except (LookupError, TypeError, ValueError, MetricError, SettingError) as error:
            raise DataError(
                f"the decision that the run keeps is damaged ({error}): train again"
            ) from error
        return cls(record["threshold"], options, classifier, fitted, temperature, chosen)


def _chosen(found: PowerRecord | None) -> PowerChoice | None:
    if found is None:
        return None
    return PowerChoice(found["by"], {each["number"]: each["loss"] for each in found["tried"]})


def _searched(found: SearchRecord | None) -> CostChoice | None:
    if found is None:
        return None
    return CostChoice(found["by"], tuple(found["costs"]), found["plain"], found["best"])


def _kept(record: RuleRecord) -> tuple[str, Any]:
    """The classifier of a rule that was kept, and what it was fitted to."""
    if record["centres"] is not None:
        return CENTRES, record["centres"]
    kept = record.get("fitted")
    return (HEAD, None) if kept is None else (kept["classifier"], kept["values"])


def find_rule(
    classifier: str,
    threshold: str,
    classes: Sequence[str],
    amounts: Amounts,
    fit: Callable[[Classifier], FittedClassifier | None],
) -> DecisionRule:
    """The rule that ``--classifier`` and ``--threshold`` ask for.

    threshold: ``none``; ``prior``, ``prior:TAU`` or ``prior:original``, to the decisions of a test
    set with as many images of each class; ``prior:val``, whose power is yet to be chosen by
    ``DecisionRule.chosen_on``; ``cost:FILE`` with a CSV as ``scoring.costs.read_cost_matrix`` takes
    it; or ``cost:search``, whose costs, equal at first, are yet to be searched likewise.

    amounts: what the training amounted to; a classifier that follows other class shares, or none,
    says so. fit: fits a classifier, where it is not the head.

    Raises SettingError for another choice and for a matrix that cannot be used, MetricError for a
    class that the prior leaves nothing, and FeatureError for one that cannot be fitted.
    """
    chosen, asked = classifier_of(classifier), parsed(threshold)
    if asked.chosen and THRESHOLDS[asked.name].takes_power and not chosen.knows_prior:
        raise SettingError(
            f"the {chosen.label} knows of no class shares, and --threshold {asked} chooses a power "
            "of them: leave it out"
        )
    uniform = [1 / len(classes)] * len(classes)
    try:
        fitted = None if isinstance(chosen, OwnHead) else fit(chosen)
        known = Known(
            len(classes),
            lambda: amounts.prior() if fitted is None else fitted.shares or uniform,
            amounts.original if chosen.knows_prior else lambda: uniform,
            lambda: alike(len(classes)) if asked.chosen else read_cost_matrix(asked.file, classes),
            asked.tau,
        )
        options = THRESHOLDS[asked.name].options(known)
    except (FeatureError, MetricError) as error:
        raise error.named(classes) from error
    return DecisionRule(asked.name, options, spelled_classifier(classifier), fitted)


def check_rule(
    classifier: str,
    threshold: str,
    classes: Sequence[str],
    amounts: Amounts,
    counts: Sequence[int],
) -> None:
    """Raise now what ``find_rule`` would raise after training.

    amounts: what the training will amount to. counts: the training images of each class, which the
    classifier is to be fitted on.
    """
    find_rule(classifier, threshold, classes, amounts, lambda chosen: chosen.stand_in(counts))
