"""How a run decides: what its training amounted to, and every rule fitted on it.

A rule is fitted on training data alone, kept with the run, and used again as it was. May not import
torch or click.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rebalance.errors import DataError, SettingError
from rebalance.records import DecisionRecord
from rebalance.records.shape import misfit
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.classifier import Classifier, FittedClassifier, TrainingEmbedding
from rebalance.scoring.classifiers import classifier_of, spelled_classifier
from rebalance.scoring.rules import DecisionRule, find_rule
from rebalance.scoring.thresholds import THRESHOLDS, parsed, recorded


@dataclass(frozen=True, eq=False)
class Decisions:
    """The rules of a run, and what new ones are made from.

    own: how the run decides where nothing else is asked for. amounts: what its training amounted
    to. others: rules that were asked for since, by classifier and threshold; of ``cost:FILE`` the
    last one.
    """

    own: DecisionRule
    amounts: Amounts
    others: Mapping[str, DecisionRule] = field(default_factory=dict)

    def lacks(self, threshold: str) -> bool:
        """Tell whether a threshold asks for what a run of version 0.1 did not keep."""
        asks = THRESHOLDS[parsed(threshold).name].needs_folder
        return asks and self.amounts.folder is None

    def with_folder(self, counts: Sequence[float]) -> "Decisions":
        """With the images of each class [K] before anything was resampled."""
        return replace(self, amounts=replace(self.amounts, folder=counts))

    def rule(
        self,
        classifier: str | None,
        threshold: str | None,
        classes: Sequence[str],
        fit: Callable[[Classifier], FittedClassifier | None],
    ) -> DecisionRule:
        """The rule asked for, None being as the run decides; raises as ``find_rule``.

        fit: called only where no rule that is kept has such a classifier, fitted on the features of
        today.
        """
        wanted = threshold or self.own.asked
        if recorded(wanted).chosen:
            return self._chosen(spelled_classifier(classifier or self.own.classifier), wanted)
        # Its matrix is kept, while its file may be gone.
        as_own = threshold is None and THRESHOLDS[self.own.threshold].needs_costs
        asked = spelled_classifier(classifier or self.own.classifier)
        known = [rule.fitted for rule in self._kept if rule.classifier == asked]
        known = [fitted for fitted in known if fitted is not None and not fitted.outdated]
        rule = find_rule(
            asked,
            DecisionRule().threshold if as_own else wanted,
            classes,
            self.amounts,
            (lambda chosen: known[0]) if known else fit,
        )
        if as_own:
            rule = replace(rule, threshold=self.own.threshold, options=self.own.options)
        return replace(rule, temperature=self._temperature(rule))

    def _chosen(self, classifier: str, asked: str) -> DecisionRule:
        """The rule whose power or costs were chosen; SettingError where none were."""
        for rule in self._kept:
            if rule.name == f"{classifier}, {asked}":
                return rule
        if parsed(asked).searches_costs:
            raise SettingError(_why_no_costs(classifier, asked))
        if not classifier_of(classifier).knows_prior:
            find_rule(classifier, asked, [], self.amounts, lambda chosen: None)
        raise SettingError(
            f"the power of {asked} is chosen on validation images when a run ends, and this one "
            "had none then: train with --val or --val-fraction, or give a power, as prior:1"
        )

    def _temperature(self, rule: DecisionRule) -> float | None:
        """The one that was fitted for this rule; None where it was for others, or for none."""
        fitted = (
            each.temperature for each in self._kept if each.name == rule.name and _same(each, rule)
        )
        return next(fitted, None)

    @property
    def _kept(self) -> tuple[DecisionRule, ...]:
        return (self.own, *self.others.values())

    @property
    def kept_apart(self) -> TrainingEmbedding | None:
        """The training images that rules decide by; the same for all of them, None for no such."""
        found = (rule.fitted.kept_apart for rule in self._kept if rule.fitted is not None)
        return next((each for each in found if each is not None), None)

    @property
    def calibrated(self) -> bool:
        """Whether probabilities have a temperature where nothing else is asked for."""
        return self.own.temperature is not None

    def check(
        self,
        classifier: str | None,
        threshold: str | None,
        classes: Sequence[str],
        counts: Mapping[str, int],
    ) -> None:
        """Raise now what ``rule`` would raise, before anything is read or computed.

        counts: the training images of each class.
        """
        numbers = list(counts.values())
        self.rule(classifier, threshold, classes, lambda chosen: chosen.stand_in(numbers))

    def with_other(self, rule: DecisionRule) -> "Decisions":
        """With one rule more, or in place of the other one that has its name."""
        return replace(self, others={**self.others, rule.name: rule})

    def to_record(self) -> DecisionRecord:
        """For JSON; ``from_record`` reads it back, to the last bit."""
        record: DecisionRecord = {
            "own": self.own.to_record(),
            "draws": list(self.amounts.draws),
            "weights": list(self.amounts.weights),
            "others": {name: rule.to_record() for name, rule in self.others.items()},
        }
        if self.amounts.folder is not None:
            record["folder"] = list(self.amounts.folder)
        return record

    @classmethod
    def from_record(cls, record: Any, classes: int) -> "Decisions":
        """Return what ``to_record`` described, for so many classes.

        Raises DataError for anything else.
        """
        if fault := misfit(record, DecisionRecord, "the record"):
            raise DataError(f"the decision that the run keeps is damaged ({fault}): train again")
        draws, weights = (list(map(float, record[name])) for name in ("draws", "weights"))
        folder = list(map(float, record["folder"])) if "folder" in record else None
        others = {
            name: DecisionRule.from_record(rule, classes) for name, rule in record["others"].items()
        }
        own = DecisionRule.from_record(record["own"], classes)
        return cls(own, Amounts(draws, weights, folder), others)


def _why_no_costs(classifier: str, asked: str) -> str:
    if classifier != "head":
        return (
            f"the costs of {asked} are searched for the classifier {classifier} when a run ends: "
            f"train with --classifier {classifier} --threshold {asked}, or give costs in a file"
        )
    return (
        f"the costs of {asked} are searched on what a run says of images held out, and this one "
        "keeps nothing of that: train with --val or --val-fraction, or give costs in a file"
    )


def _same(one: DecisionRule, other: DecisionRule) -> bool:
    return dict(one.options) == dict(other.options)
