"""What a study is made of, beside its treatments."""

from dataclasses import dataclass, field
from pathlib import Path

from rebalance.errors import SettingError, shown
from rebalance.settings.numbers import LARGEST_SEED
from rebalance.settings.option import Options, again, declared, option, required
from rebalance.settings.running import ExtractorOptions, FolderOptions
from rebalance.settings.training import TrainOptions

DEPTHS = ("probe", "full")
TEN = tuple(range(10))
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class StudyOptions(Options):
    """On what, how deep and how often treatments are compared.

    extractor: the network whose features choose images, and are what a probe learns from.
    training: how the network is trained, at depth ``full``.
    """

    data: Path = required(help="Images to divide into folds: a folder or a manifest.")
    test: Path | None = option(
        None, help="Test images to score on as well: a folder or a manifest."
    )
    depth: str = option(
        "probe",
        choices=DEPTHS,
        wrong="depth must be",
        help="Train a head on fixed features, or a network end to end.",
    )
    seeds: tuple[int, ...] = option(
        TEN,
        least=0,
        most=LARGEST_SEED,
        wrong="a seed must be",
        help="Seeds; each shuffles the folds anew.",
    )
    folds: int = option(
        5, least=2, most=1000, help="Parts of DATA, each of which is validated on once per seed."
    )
    groups: Path | None = option(None, help="CSV of file_name,group: no group in two folds.")
    group_column: str | None = option(
        None, help="Column of groups that holds them. [default: the one of a usual name]"
    )
    metric: str = option(
        "balanced_accuracy",
        choices="rebalance.metrics:METRICS",
        help="Metric that the table is sorted by.",
    )
    as_classes: bool = again(FolderOptions, "as_classes", default=False)
    extensions: tuple[str, ...] = again(FolderOptions, "extensions", default=())
    test_features: Path | None = option(
        None, help="File with the features of the test images. [default: that of the others]"
    )
    test_names: Path | None = option(
        None, help="The images of its rows, where that file does not name them."
    )
    extractor: ExtractorOptions = field(default_factory=ExtractorOptions)
    training: TrainOptions = field(default_factory=TrainOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SettingError(
                f"seeds must be different, and at least one; got {shown([*self.seeds])}"
            )
        if self.test_features is None and self.test_names is not None:
            raise SettingError("--test-names goes with --test-features: give that too")
        if self.test_features is not None and (self.test is None or not self.extractor.features):
            raise SettingError(
                "--test-features has the features of test images: give --test and --features too"
            )

    @property
    def extractor_of_test(self) -> ExtractorOptions:
        """Return what looks at the test images: what looks at the others, or a file of theirs."""
        if self.test_features is None:
            return self.extractor
        return ExtractorOptions(features=self.test_features, names=self.test_names)


@dataclass(frozen=True)
class StudySets(Options):
    """Images in place of those that a study's file names."""

    data: Path | str | None = option(None, help="In place of the file's own data.")
    test: Path | str | None = option(None, help="In place of the file's own test.")


def keys_of(options: type[Options]) -> tuple[str, ...]:
    """The keys of the section of a study's file that says these options."""
    return tuple(name for name, (_, told) in declared(options).items() if told.in_study)
