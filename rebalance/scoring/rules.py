"""Decision rules: what gives the probabilities, and by which threshold a class is decided on.

A new classifier is its line in ``CLASSIFIERS``. May not import torch or click.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from rebalance.errors import DataError, FeatureError, MetricError, SettingError, shown
from rebalance.records import CentresRecord, PowerRecord, RuleRecord, SearchRecord
from rebalance.records.shape import misfit
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.centres import Centres, check_counts, nearest_centre
from rebalance.scoring.costs import read_cost_matrix
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.powers import PowerChoice, try_powers
from rebalance.scoring.searched_costs import CostChoice, alike, search_costs
from rebalance.scoring.temperature import fit_temperature, tempered
from rebalance.scoring.thresholds import (
    THRESHOLDS,
    Asked,
    Decision,
    Known,
    none,
    parsed,
)


@dataclass(frozen=True)
class Classifier:
    """Which of a network's outputs says how likely each class is.

    decide: from the outputs, and from the centres where it needs them. needs_centres: those of the
    training images. knows_prior: its probabilities follow how often training drew each class.
    label: what a report calls it.
    """

    decide: Callable[[Outputs, Any], Decision]
    needs_centres: bool
    knows_prior: bool
    label: str


def of_head(outputs: Outputs, centres: Any) -> Decision:
    """Take the class of the largest probability that the network's own last layer gives."""
    return none(outputs.probabilities)


def of_centres(outputs: Outputs, centres: Any) -> Decision:
    """Take the class whose mean training image is nearest, in the features of the last layer."""
    return nearest_centre(outputs.features, centres)


CLASSIFIERS: dict[str, Classifier] = {
    "head": Classifier(
        of_head,
        needs_centres=False,
        knows_prior=True,
        label="head",
    ),
    "centres": Classifier(
        of_centres,
        needs_centres=True,
        knows_prior=False,
        label="nearest centre",
    ),
}


@dataclass(frozen=True, eq=False)
class DecisionRule:
    """Which class is decided on.

    threshold: a key of ``scoring.THRESHOLDS``. options: its options, plain numbers. centres: what
    gives the probabilities in place of the network's head, None for the head. temperature: of the
    probabilities that are told, which changes no decision; None where none was fitted. chosen: how
    the power of the class shares or the costs were, where they were asked for so.
    """

    threshold: str = "none"
    options: Mapping[str, Any] = field(default_factory=dict)
    centres: Centres | None = None
    temperature: float | None = None
    chosen: PowerChoice | CostChoice | None = None

    @property
    def classifier(self) -> str:
        """A key of ``CLASSIFIERS``."""
        having = self.centres is not None
        return next(name for name, each in CLASSIFIERS.items() if each.needs_centres == having)

    def decide(self, outputs: Outputs) -> Decision:
        """Probabilities [N, K] and the class index decided on [N]."""
        decided = self._decide(outputs)
        if self.temperature is None:
            return decided
        # After the division by the prior, and on what is told alone: no decision can change.
        return decided._replace(probabilities=tempered(decided.probabilities, self.temperature))

    def _decide(self, outputs: Outputs) -> Decision:
        said = CLASSIFIERS[self.classifier].decide(outputs, self.centres)
        threshold = THRESHOLDS[self.threshold]
        if not threshold.changes:
            return said  # centres tell more apart by distance than by probabilities
        return threshold(said.probabilities, **self.options)

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
        said = CLASSIFIERS[self.classifier].decide(outputs, self.centres).probabilities
        choice = search_costs(said, labels, by, seed=seed)
        return replace(self, options={"matrix": choice.matrix}, chosen=choice)

    def with_power(self, outputs: Outputs, labels: Sequence[int], by: str) -> "DecisionRule":
        """The same rule, dividing by the power of class shares that does best on images held out.

        labels: their class index [N]. by: what they are, in words. See ``powers.try_powers``.
        """
        said = CLASSIFIERS[self.classifier].decide(outputs, self.centres).probabilities
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
        knows = CLASSIFIERS[self.classifier].knows_prior or not threshold.divides_by
        return threshold.when_idle if knows else "the nearest centre knows of no class shares"

    def to_record(self) -> RuleRecord:
        """For JSON; ``from_record`` reads it back, to the last bit."""
        centres: CentresRecord | None = None
        if self.centres is not None:
            means, temperature = self.centres.means.tolist(), self.centres.temperature
            centres = {"means": means, "temperature": temperature, "layer": self.centres.layer}
        record: RuleRecord = {
            "threshold": self.threshold,
            "options": dict(self.options),
            "centres": centres,
        }
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
            options, found = record["options"], record["centres"]
            THRESHOLDS[record["threshold"]](np.full((1, classes), 1 / classes), **options)
            centres = found and _centres(found, classes)
            temperature = record.get("temperature")
            if temperature is not None and not 0 < temperature < math.inf:
                raise ValueError(f"a temperature is above 0, and it is {temperature!r}")
            chosen = _chosen(record.get("chosen")) or _searched(record.get("searched"))
        except (LookupError, TypeError, ValueError, MetricError, SettingError) as error:
            raise DataError(
                f"the decision that the run keeps is damaged ({error}): train again"
            ) from error
        return cls(record["threshold"], options, centres, temperature, chosen)


def _chosen(found: PowerRecord | None) -> PowerChoice | None:
    if found is None:
        return None
    return PowerChoice(found["by"], {each["number"]: each["loss"] for each in found["tried"]})


def _searched(found: SearchRecord | None) -> CostChoice | None:
    if found is None:
        return None
    return CostChoice(found["by"], tuple(found["costs"]), found["plain"], found["best"])


def _centres(found: CentresRecord, classes: int) -> Centres:
    """The centres that a record has. Raises ValueError where they are not one for each class."""
    means = np.array(found["means"], dtype=np.float64, ndmin=2)
    if len(means) != classes or found["temperature"] <= 0:
        raise ValueError("a centre for each class and a temperature above 0 are needed")
    return Centres(means, float(found["temperature"]), found.get("layer", "pool"))


def find_rule(
    classifier: str,
    threshold: str,
    classes: Sequence[str],
    amounts: Amounts,
    centres: Callable[[], Centres],
) -> DecisionRule:
    """The rule that ``--classifier`` and ``--threshold`` ask for.

    threshold: ``none``; ``prior``, ``prior:TAU`` or ``prior:original``, to the decisions of a test
    set with as many images of each class; ``prior:val``, whose power is yet to be chosen by
    ``DecisionRule.chosen_on``; ``cost:FILE`` with a CSV as ``scoring.costs.read_cost_matrix`` takes
    it; or ``cost:search``, whose costs, equal at first, are yet to be searched likewise.

    amounts: what the training amounted to; centres know no prior. centres: gives them, where they
    are needed.

    Raises SettingError for another choice and for a matrix that cannot be used, and MetricError for
    a class that the prior leaves nothing.
    """
    if classifier not in CLASSIFIERS:
        raise SettingError(
            f"no classifier {shown(classifier)}: choose one of {', '.join(CLASSIFIERS)}"
        )
    chosen = CLASSIFIERS[classifier]
    asked = parsed(threshold)
    if asked.chosen and THRESHOLDS[asked.name].takes_power and not chosen.knows_prior:
        raise SettingError(
            f"the nearest centre knows of no class shares, and --threshold {asked} chooses a power "
            "of them: leave it out"
        )
    uniform = [1 / len(classes)] * len(classes)
    known = Known(
        len(classes),
        amounts.prior if chosen.knows_prior else lambda: uniform,
        amounts.original if chosen.knows_prior else lambda: uniform,
        lambda: alike(len(classes)) if asked.chosen else read_cost_matrix(asked.file, classes),
        asked.tau,
    )
    try:
        options = THRESHOLDS[asked.name].options(known)
    except MetricError as error:
        raise error.named(classes) from error
    return DecisionRule(asked.name, options, centres() if chosen.needs_centres else None)


def check_rule(
    classifier: str,
    threshold: str,
    classes: Sequence[str],
    amounts: Amounts,
    counts: Sequence[int],
) -> None:
    """Raise now what ``find_rule`` would raise after training.

    amounts: what the training will amount to. counts: the training images of each class, which
    centres are the means of.
    """
    find_rule(classifier, threshold, classes, amounts, partial(placeholder, classes, counts))


def placeholder(classes: Sequence[str], counts: Sequence[int]) -> Centres:
    """Centres that stand for those to come; FeatureError for a class that can have none."""
    try:
        check_counts(counts)
    except FeatureError as error:
        raise error.named(classes) from error
    return Centres(np.empty((0, 0)), 1.0)
