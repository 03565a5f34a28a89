"""What can be chosen: the registries themselves told, their entries, options, defaults and needs.

A sentence is the first paragraph of an entry's docstring, and what is said of an option stands
after its name and a colon there, or is the help of its declaration: nothing is written twice. A
registry is imported when it is asked for, torch with the losses; click never.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter, cleandoc, signature
from typing import Any

from rebalance.errors import SettingError, choose, shown
from rebalance.scoring.costs import EXAMPLE
from rebalance.settings import StudyOptions, TrainOptions, calls
from rebalance.settings.option import Option, declared

# Calls by the command that has their options; a study's section has the same by another sign.
COMMANDS = ("undersample", "oversample", "hybrid", "longtail", "train", "evaluate")
# What an entry asks for, by the trait that says so.
NEEDS = {
    "needs_f1": "validation images: --val or --val-fraction",
    "learns_from_validation": "validation images: --val or --val-fraction",
    "needs_weights": "a loss that can weigh the classes",
    "needs_features": "features: see --extractor",
    "needs_costs": "a CSV of costs, as cost:FILE, or validation images, as cost:search",
}


@dataclass(frozen=True)
class ListedOption:
    """One option of a choice: its name, its default, whether it must be given, and what it is."""

    name: str
    default: Any
    needed: bool
    says: str


@dataclass(frozen=True)
class ListedChoice:
    """One entry of a registry. needs: what must be there for it. example: of a file it takes."""

    name: str
    says: str
    options: tuple[ListedOption, ...] = ()
    needs: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True)
class ChoiceKind:
    """A registry, as ``module:NAME``.

    told_by: the attribute of an entry whose docstring tells it; empty where its own does. options:
    finds those of an entry. form: of an option that takes more than the registry's names.
    """

    registry: str
    told_by: str = ""
    options: "Callable[[Any, ChoiceKind], Iterator[ListedOption]]" = lambda entry, kind: iter(())
    form: str = ""

    @property
    def entries(self) -> Mapping[str, Any]:
        """The registry itself, imported."""
        module, _, name = self.registry.partition(":")
        found: Mapping[str, Any] = getattr(import_module(module), name)
        return found

    @property
    def asked(self) -> tuple[str, ...]:
        """The ways to ask for an entry: commands with their option, keys of a study."""
        commands = (
            f"{command} {each.flag}"
            for command in COMMANDS
            for each in getattr(calls, command.upper()).keywords().values()
            if self._offers(each.told)
        )
        keys = (
            f"[study] {name}"
            for name, (_, told) in declared(StudyOptions).items()
            if self._offers(told)
        )
        return (*commands, *keys)

    def _offers(self, told: Option) -> bool:
        return told.choices == self.registry or (bool(self.form) and told.form == self.form)


def _of_loss(entry: Any, kind: ChoiceKind) -> Iterator[ListedOption]:
    """The options of a loss, its own and those that others share."""
    from rebalance.losses import TOP, options_of

    parameters = options_of(entry)
    own = {name: each for name, each in parameters.items() if name != TOP}
    yield from _of_parameters(own, entry)
    if TOP in parameters:
        yield from _of_parameters({TOP: parameters[TOP]}, entry.take_largest)


def _of_constructor(entry: Any, kind: ChoiceKind) -> Iterator[ListedOption]:
    """The parameters of a class."""
    yield from _of_parameters(signature(entry).parameters, entry)


def _of_parameters(parameters: Mapping[str, Parameter], told_by: Any) -> Iterator[ListedOption]:
    told = told_options(told_by.__doc__ or "", tuple(parameters))
    for name, each in parameters.items():
        needed = each.default is Parameter.empty
        yield ListedOption(name, None if needed else each.default, needed, told.get(name, ""))


def _of_settings(entry: Any, kind: ChoiceKind) -> Iterator[ListedOption]:
    """The options of a method that are its own, as the command line declares them."""
    parts = (part for name in COMMANDS for part in getattr(calls, name.upper()).parts.values())
    found = (part.keywords() for part in parts)
    offering = next(
        keywords
        for keywords in found
        if any(each.told.choices == kind.registry for each in keywords.values())
    )
    for each in (offering[name] for name in entry.options):
        yield ListedOption(each.flag, each.field.default, False, each.told.help)


def _of_phases(entry: Any, kind: ChoiceKind) -> Iterator[ListedOption]:
    """The options of a regime whose first phase can be chosen."""
    for name, (found, told) in declared(TrainOptions).items():
        if entry.has_first_phase and name.startswith("phase_"):
            yield ListedOption(f"--{name.replace('_', '-')}", found.default, False, told.help)


KINDS: dict[str, ChoiceKind] = {
    "losses": ChoiceKind("rebalance.losses:LOSSES", options=_of_loss),
    "weightings": ChoiceKind("rebalance.losses:WEIGHTINGS"),
    "heads": ChoiceKind("rebalance.heads:HEADS", "fit"),
    "regimes": ChoiceKind("rebalance.training.regimes:REGIMES", "plan", _of_phases),
    "phases": ChoiceKind("rebalance.training.first_phase:PHASES", "sizes"),
    "thresholds": ChoiceKind(
        "rebalance.scoring.thresholds:THRESHOLDS",
        "decide",
        form="rebalance.scoring.thresholds:parsed",
    ),
    "classifiers": ChoiceKind(
        "rebalance.scoring.classifiers:CLASSIFIERS",
        options=_of_constructor,
        form="rebalance.scoring.classifiers:classifier_of",
    ),
    "samplers": ChoiceKind("rebalance.training.sampling:SAMPLERS", "draw"),
    "schedules": ChoiceKind("rebalance.training.schedules:SCHEDULES"),
    "augmentations": ChoiceKind(
        "rebalance.training.parts:AUGMENTATIONS", form="rebalance.training.parts:parts_of"
    ),
    "flips": ChoiceKind("rebalance.training.parts:FLIPS"),
    "mixes": ChoiceKind(
        "rebalance.training.mixing:MIXES",
        options=_of_constructor,
        form="rebalance.training.mixing:mix_of",
    ),
    "undersamplers": ChoiceKind("rebalance.undersampling:UNDERSAMPLERS", "keep", _of_settings),
    "pickers": ChoiceKind("rebalance.undersampling:PICKERS"),
    "quotas": ChoiceKind("rebalance.quotas:QUOTAS"),
    "criteria": ChoiceKind("rebalance.clusters:CRITERIA"),
    "layouts": ChoiceKind("rebalance.clusters:LAYOUTS"),
    "oversamplers": ChoiceKind("rebalance.oversampling:OVERSAMPLERS", "draw", _of_settings),
    "profiles": ChoiceKind("rebalance.class_sizes:PROFILES"),
    "metrics": ChoiceKind("rebalance.metrics:METRICS"),
}


def choices(kind: str) -> list[ListedChoice]:
    """List every choice of a kind, in the registry's order: a key of ``KINDS``, such as losses.

    Raises SettingError for a kind that is not known.

    >>> import rebalance
    >>> [each.name for each in rebalance.choices("samplers")]
    ['none', 'balanced', 'sqrt']
    >>> option, *_ = rebalance.choices("oversamplers")[1].options
    >>> option.name, option.default
    ('--neighbours', None)
    """
    if kind not in KINDS:
        raise SettingError(f"no kind of choice {shown(kind)}: {choose(kind, KINDS)}")
    found = KINDS[kind]
    return [_listed(name, entry, found) for name, entry in found.entries.items()]


def _listed(name: str, entry: Any, kind: ChoiceKind) -> ListedChoice:
    options = tuple(kind.options(entry, kind))
    needs = tuple(text for trait, text in NEEDS.items() if getattr(entry, trait, False))
    by_costs = NEEDS["needs_costs"] in needs or any(each.name == "matrix" for each in options)
    example = EXAMPLE if by_costs else ""
    return ListedChoice(name, _sentence(entry, kind), options, needs, example)


def _sentence(entry: Any, kind: ChoiceKind) -> str:
    if isinstance(entry, tuple):  # a preset, of what else has names
        return f"Made of {', '.join(entry) or 'nothing'}."
    told = getattr(entry, kind.told_by) if kind.told_by else entry
    return first_sentence(told.__doc__ or "")


def first_sentence(docstring: str) -> str:
    """Return the first paragraph of a docstring, on one line.

    >>> from rebalance.workflow.choices import first_sentence
    >>> first_sentence("Every image,\\n    once.\\n\\n    Source: us.")
    'Every image, once.'
    """
    paragraph, _, _ = cleandoc(docstring).partition("\n\n")
    return _plain(paragraph)


def told_options(docstring: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return what a docstring says of each of these options: ``name: ...`` up to the next name.

    Names that share a text stand before its colon with commas between, each perhaps with a sign in
    brackets.

    >>> from rebalance.workflow.choices import told_options
    >>> told_options("Mix. low, high (h): at least 0. The rest is kept.", ("low", "high"))
    {'low': 'at least 0', 'high': 'at least 0'}
    """
    if not names:
        return {}
    text = _plain(re.split(r"\n\s*>>>", cleandoc(docstring))[0])
    one = rf"(?:{'|'.join(names)})(?: \([^)]*\))?"
    labels = list(re.finditer(rf"(?<![\w.])({one}(?:, {one})*): ", text))
    ends = [*(label.start() for label in labels[1:]), len(text)]
    found: dict[str, str] = {}
    for label, end in zip(labels, ends, strict=True):
        said, *_ = re.split(r"\. (?=[A-Z])", text[label.end() : end])
        for name in re.findall(rf"\b({'|'.join(names)})\b", label[1]):
            found.setdefault(name, said.rstrip(". "))
    return found


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "").split())
