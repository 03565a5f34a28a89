"""The plan of a study: its treatments with their controls, and the cells they make.

May not import torch or click.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from rebalance.errors import SettingError, shown, some
from rebalance.records import DefinitionRecord
from rebalance.scoring.class_values import with_class_values
from rebalance.scoring.costs import read_cost_matrix
from rebalance.scoring.thresholds import parsed
from rebalance.settings import StudyOptions
from rebalance.studies.controls import control_label, random_control
from rebalance.studies.heads import HEADS
from rebalance.studies.outcomes import BY_HEAD, SGD, UNMIXED, Controls, Treatment
from rebalance.studies.rebalancing import NONE, Rebalancing


@dataclass(frozen=True)
class Choice:
    """A loss, a regime or a head, with options.

    key: of ``losses.LOSSES``, ``REGIMES`` or ``studies.heads.HEADS``. options: (name, value) pairs.
    """

    key: str = "ce"
    options: tuple[tuple[str, Any], ...] = ()


PLAIN = Choice("plain")
BY_DESCENT = Choice(SGD)


@dataclass(frozen=True)
class Definition:
    """The definition of a treatment: what the names in it stand for.

    threshold: as ``train`` takes it. costs: what is in that file, [K][K], once it is
    read; so is what is in that of a loss, which then takes its place. head: how the last layer of
    a probe is fitted. mix: how images of a step are mixed, as ``train`` takes it; ``none`` leaves
    it to the options of all trainings. classifier: what decides, as ``train`` takes it.
    """

    rebalance: Rebalancing = NONE
    loss: Choice = Choice()
    regime: Choice = PLAIN
    threshold: str = "none"
    costs: tuple[tuple[float, ...], ...] | None = None
    head: Choice = BY_DESCENT
    mix: str = UNMIXED
    classifier: str = BY_HEAD

    @property
    def taught(self) -> "Definition":
        """Return what a head is trained by: the same without its way of deciding.

        Treatments that are equal in this share one training.
        """
        return replace(self, threshold="none", costs=None, classifier=BY_HEAD)

    @property
    def body(self) -> "Definition":
        """Return what the body of a network is trained by.

        All of it, or without embedding blends.
        """
        return replace(self.taught, rebalance=self.rebalance.before_blends)

    def as_trained(self) -> "Definition":
        """The same where a network is trained, which sees embeddings of its own."""
        return replace(self, rebalance=self.rebalance.as_trained())

    def as_record(self) -> DefinitionRecord:
        """Return the definition as JSON types; equal ones give equal outcomes.

        Head, mix and classifier are told where they are others than there once were alone.
        """
        regime = self.regime
        told: DefinitionRecord = {
            "rebalance": self.rebalance.as_record(),
            "loss": {"key": self.loss.key, "options": dict(self.loss.options)},
            "regime": {"key": regime.key, "options": dict(regime.options)}
            if regime.options
            else regime.key,
            "threshold": str(parsed(self.threshold)._replace(file="")),
            "costs": None if self.costs is None else [list(row) for row in self.costs],
        }
        if self.head != BY_DESCENT:
            told["head"] = {"key": self.head.key, "options": dict(self.head.options)}
        if self.mix != UNMIXED:
            told["mix"] = self.mix
        if self.classifier != BY_HEAD:
            told["classifier"] = self.classifier
        return told

    def with_costs(self, classes: Sequence[str]) -> "Definition":
        """Read the files that it names. Raises SettingError as ``costs`` does."""
        loss = Choice(self.loss.key, frozen(with_class_values(dict(self.loss.options), classes)))
        file = parsed(self.threshold).file
        costs = frozen(read_cost_matrix(file, classes)) if file else None
        return replace(self, loss=loss, costs=costs)


def frozen(value: Any) -> Any:
    """Return lists as tuples and tables as pairs, so that what is made of them can be a key."""
    if isinstance(value, Mapping):
        return tuple((name, frozen(each)) for name, each in value.items())
    return tuple(map(frozen, value)) if isinstance(value, list) else value


@dataclass(frozen=True)
class Cell:
    """One treatment with one seed, validated on one fold."""

    treatment: Treatment
    seed: int
    fold: int


@dataclass(frozen=True)
class Plan:
    """A study as it was declared, its controls included.

    path: of the file that declares it. treatments: by their names, the controls that were added
    first. controls: of each of them.
    """

    path: Path
    options: StudyOptions
    treatments: Mapping[Treatment, Definition]
    controls: Mapping[Treatment, Controls]

    @property
    def cells(self) -> list[Cell]:
        """Every cell, seed by seed and fold by fold, so that all treatments grow alike."""
        return [
            Cell(treatment, seed, fold)
            for seed in self.options.seeds
            for fold in range(self.options.folds)
            for treatment in self.treatments
        ]


NOTHING = Treatment()
PRIOR = "prior"


def grid(
    rebalancings: Mapping[str, Rebalancing],
    losses: Mapping[str, Choice],
    regimes: Mapping[str, Choice],
    thresholds: Mapping[str, str],
    heads: Mapping[str, Choice],
    mixes: Sequence[str],
    classifiers: Sequence[str],
) -> dict[Treatment, Definition]:
    """List every combination, each Treatment with its Definition, in order."""
    axes = rebalancings, losses, regimes, thresholds, heads, mixes, classifiers
    return {
        Treatment(*names): Definition(
            rebalancings[names[0]],
            losses[names[1]],
            regimes[names[2]],
            thresholds[names[3]],
            head=heads[names[4]],
            mix=names[5],
            classifier=names[6],
        )
        for names in product(*axes)
    }


def with_controls(
    declared: Mapping[Treatment, Definition], depth: str
) -> tuple[dict[Treatment, Definition], dict[Treatment, Controls]]:
    """Add the controls that the treatments need, and return which control belongs to which.

    Nothing is done with the first head that is declared, so that other heads are treatments too;
    the other controls of a treatment have its own. Raises SettingError where the names of controls
    stand for something else.
    """
    nothing, plain = _nothing(declared)
    treatments = {nothing: plain}
    controls = {nothing: Controls(nothing, None)}
    priors = {each: _prior(each, found, nothing, plain) for each, found in declared.items()}
    for treatment, definition in [*priors.values(), *declared.items()]:
        if treatments.setdefault(treatment, definition) != definition:
            names = some(treatment.names, quoted=False)
            raise SettingError(f"{names} are the control: give other names to others")
    controls |= {prior: Controls(nothing, None) for prior, _ in priors.values()}
    for treatment, definition in declared.items():
        if treatment in controls:
            continue
        prior, _ = priors[treatment]
        control = random_control(definition.rebalance, depth)
        if control is None:
            controls[treatment] = Controls(nothing, None, prior)
            continue
        label = _label(control, treatment.rebalance, declared.items())
        random = replace(treatment, rebalance=label)
        found = replace(definition, rebalance=control)
        if treatments.setdefault(random, found) != found:
            raise SettingError(
                f"{shown(label)} is the name of a random control: give another name to yours"
            )
        controls[treatment] = Controls(nothing, random, prior)
    for treatment in treatments:
        controls.setdefault(treatment, Controls(nothing, None))
    if depth == "full":
        treatments = {name: each.as_trained() for name, each in treatments.items()}
    return treatments, {treatment: controls[treatment] for treatment in treatments}


def _nothing(declared: Mapping[Treatment, Definition]) -> tuple[Treatment, Definition]:
    """Return the treatment that does nothing, with the first head that is declared."""
    first, definition = next(iter(declared.items()), (NOTHING, Definition()))
    return replace(NOTHING, head=first.head), Definition(head=definition.head)


def _prior(
    treatment: Treatment, definition: Definition, nothing: Treatment, plain: Definition
) -> tuple[Treatment, Definition]:
    """Return the control of a treatment that moves the threshold and does nothing else.

    Its head is that of the treatment, or where that knows no class shares that of doing nothing, or
    the one of every study.
    """
    known = [(treatment.head, definition.head), (nothing.head, plain.head), (SGD, BY_DESCENT)]
    name, head = next(each for each in known if HEADS[each[1].key].knows_prior)
    return replace(NOTHING, threshold=PRIOR, head=name), Definition(threshold=PRIOR, head=head)


def _label(control: Rebalancing, of: str, declared: Iterable[tuple[Treatment, Definition]]) -> str:
    """Return the study's name for this control, or make one."""
    for treatment, definition in declared:
        if definition.rebalance == control:
            return treatment.rebalance
    return control_label(control, of)
