"""Which options each public call takes: a command and a Python function of one name take the same.

Imports nothing but the standard library and our settings.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, replace
from typing import Any

from rebalance.settings.advice import AdviceOptions
from rebalance.settings.class_sizes import Growth, Levelling, LongTail, Targets
from rebalance.settings.looking import ComparisonOptions, InspectOptions, ReportOptions
from rebalance.settings.option import Option, Options, converted, declared
from rebalance.settings.rebalancing import (
    EnsembleOptions,
    Published,
    SelectionOptions,
    SynthesisOptions,
)
from rebalance.settings.running import (
    ExportOptions,
    ExtractorOptions,
    FolderOptions,
    ImportOptions,
    LayerOptions,
    MaterializeOptions,
    RunOptions,
)
from rebalance.settings.study import StudySets
from rebalance.settings.training import (
    DecisionOptions,
    ScoringOptions,
    StartOptions,
    TrainOptions,
)
from rebalance.settings.vectors import FeatureFiles


@dataclass(frozen=True)
class Keyword:
    """One option of a call: its name there, its field, and what is said of it."""

    name: str
    field: "Field[Any]"
    told: Option
    default: Any

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return self.told.flag or "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """Tell whether there is no default."""
        return self.default is MISSING


@dataclass(frozen=True)
class Part:
    """Options of one class that a call takes: all, or ``only`` some, or all ``without`` some.

    named: names of fields that are called otherwise in this call. helps: helps of fields that mean
    something else in it. open: fields whose default in it is None: what they are, where nobody says
    so, is found out from other options.
    """

    options: type[Options]
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    helps: Mapping[str, str] = field(default_factory=dict)
    open: tuple[str, ...] = ()

    def keywords(self) -> dict[str, Keyword]:
        """The options that are taken, by the name of their field."""
        return {
            name: Keyword(
                self.named.get(name, name),
                found,
                replace(
                    told,
                    help=self.helps.get(name, told.help),
                    group=told.group or self.options.help_group,
                ),
                None if name in self.open else found.default,
            )
            for name, (found, told) in declared(self.options).items()
            if name not in self.without and (not self.only or name in self.only)
        }

    def made(self, given: Mapping[str, Any]) -> Options:
        """The options of these keywords; those that the call does not take are at their defaults.

        Raises SettingError for a value that cannot be.
        """
        return self.options(
            **{
                name: converted(given[each.name], each.field, each.told)
                for name, each in self.keywords().items()
            }
        )


class Call:
    """The options of one call, by the name under which its story takes each class of them."""

    def __init__(self, **parts: "Part | type[Options]") -> None:
        self.parts = {
            name: part if isinstance(part, Part) else Part(part) for name, part in parts.items()
        }

    def keywords(self) -> dict[str, Keyword]:
        """Every option by its name in this call. Raises ValueError where two have one name."""
        every = [each for part in self.parts.values() for each in part.keywords().values()]
        found = {each.name: each for each in every}
        if len(found) < len(every):
            raise ValueError("a call has two options of one name")
        return found

    def implied(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the switches among the options ``given`` stand for, but for what is given itself."""
        found: dict[str, Any] = {}
        for name, each in self.keywords().items():
            if each.told.stands_for is not None and given.get(name) is True:
                found |= each.told.stands_for
        return {name: value for name, value in found.items() if name not in given}

    def gathered(self, given: Mapping[str, Any]) -> dict[str, Options]:
        """The options that travel together, made of a value for every keyword."""
        return {name: part.made(given) for name, part in self.parts.items()}


SOURCE_AND_RUN = {"source": Part(FolderOptions), "run": Part(RunOptions)}
IMAGES = {"extractor": Part(ExtractorOptions), **SOURCE_AND_RUN}

LAYER = ("layer",)  # of a run another one than of other networks, where nobody says which
LAYER_AND_SPACE = (*LAYER, "space")  # the space is the method's own

INSPECT = Call(asked=InspectOptions, **IMAGES)
EXTRACT = Call(kept=Part(LayerOptions, open=("layers",)), **IMAGES)
UNDERSAMPLE = Call(
    selection=Part(SelectionOptions, open=LAYER),
    targets=Targets,
    published=Part(Published),
    **IMAGES,
)
# Python has a call of its own for several manifests, the command line a switch of the one command.
UNDERSAMPLE_ENSEMBLE = Call(members=EnsembleOptions, **UNDERSAMPLE.parts)
UNDERSAMPLE_COMMAND = Call(
    **UNDERSAMPLE.parts,
    members=Part(
        EnsembleOptions,
        open=("ensemble",),
        helps={
            "ensemble": "Write as many manifests, M.0.csv, M.1.csv, ..., each of a draw of its "
            "own. [default: one manifest, M.csv]",
        },
    ),
)
OVERSAMPLE = Call(synthesis=Part(SynthesisOptions, open=LAYER_AND_SPACE), growth=Growth, **IMAGES)
HYBRID = Call(
    size=Levelling,
    # One layer serves both halves: what neighbours are told by, clusters are sought in.
    selection=Part(SelectionOptions, without=("layer",), named={"method": "under"}),
    synthesis=Part(
        SynthesisOptions,
        open=LAYER_AND_SPACE,
        named={"method": "over"},
        helps={"method": "How the samples to add are chosen."},
    ),
    **IMAGES,
)
LONGTAIL = Call(
    tail=LongTail,
    source=FolderOptions,
    run=Part(RunOptions, without=("device", "cache_dir")),
)
REPORT = Call(
    beside=ReportOptions,
    source=Part(FolderOptions, only=("root",)),
    run=Part(RunOptions, only=("workers", "overwrite")),
)
TRAIN = Call(
    start=StartOptions,
    training=TrainOptions,
    files=FeatureFiles,
    scoring=ScoringOptions,
    source=FolderOptions,
    run=Part(RunOptions, without=("cache_dir",)),
)
EVALUATE = Call(
    decision=DecisionOptions,
    training=Part(TrainOptions, only=("precision",)),
    files=Part(
        FeatureFiles,
        only=("features", "names"),
        helps={
            "features": "Of a run that was trained on a file of features: one that has those of "
            "the test images, which are not opened.",
        },
    ),
    source=FolderOptions,
    how=Part(RunOptions, without=("seed", "cache_dir")),
)
MATERIALIZE = Call(
    placing=MaterializeOptions,
    source=FolderOptions,
    run=Part(RunOptions, only=("workers", "overwrite")),
)
OF_TABLE = {"root": "Folder that the paths are relative to. [default: that of the table]"}
IMPORT = Call(
    columns=ImportOptions,
    source=Part(FolderOptions, only=("root",), helps=OF_TABLE),
    run=Part(RunOptions, only=("overwrite",)),
)
EXPORT = Call(
    chosen=ExportOptions,
    source=Part(FolderOptions, only=("root",)),
    run=Part(RunOptions, only=("overwrite",)),
)
SIDE_BY_SIDE = {
    "workers": "Cells run side by side; on GPUs one on each. [default: all cores]",
}
STUDY = Call(sets=StudySets, run=Part(RunOptions, without=("seed",), helps=SIDE_BY_SIDE))
PLAN_STUDY = Call(
    sets=StudySets, run=Part(RunOptions, only=("device", "workers"), helps=SIDE_BY_SIDE)
)
COMPARE_EXTRACTORS = Call(
    asked=ComparisonOptions,
    # The others say which network: that is in its name, where several stand side by side.
    view=Part(ExtractorOptions, only=("image_size", "resize", "precision", "batch_size")),
    source=FolderOptions,
    run=Part(RunOptions, without=("overwrite",)),
)
ADVISE = Call(
    asked=AdviceOptions,
    extractor=Part(ExtractorOptions, without=("init", "flips")),
    source=Part(FolderOptions, without=("allow_empty",)),
    run=Part(
        RunOptions,
        helps={
            "workers": "Threads that read images, and cells run side by side. [default: all cores]",
            "overwrite": "Try everything anew, and replace files of advice that exist.",
        },
    ),
)
