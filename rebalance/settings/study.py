"""What a study is made of, beside its treatments."""

from dataclasses import dataclass, field, fields
from pathlib import Path

from rebalance.errors import SettingError
from rebalance.settings.checks import check_whole
from rebalance.settings.running import ExtractorOptions
from rebalance.settings.training import TrainOptions

DEPTHS = ("probe", "full")
TEN = tuple(range(10))


@dataclass(frozen=True)
class StudyOptions:
    """On what, how deep and how often treatments are compared.

    data, test: a folder or a manifest each; the test set may be left out. depth: ``probe``, a head
    on features of an extractor that stays as it is, or ``full``, a network trained end to end.
    seeds: each shuffles the folds anew. folds: parts of DATA, each of which is validated on once
    per seed. groups: a CSV that says what each file of DATA belongs to; groups are not divided.
    metric: a key of ``metrics.METRICS`` that the table is sorted by. extractor: whose features
    choose images, and are what a probe learns from. training: of the network, at depth ``full``.
    """

    data: Path
    test: Path | None = None
    depth: str = "probe"
    seeds: tuple[int, ...] = TEN
    folds: int = 5
    groups: Path | None = None
    metric: str = "balanced_accuracy"
    extractor: ExtractorOptions = field(default_factory=ExtractorOptions)
    training: TrainOptions = field(default_factory=TrainOptions)

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise SettingError(f"depth must be one of {', '.join(DEPTHS)}; got {self.depth!r}")
        check_whole("folds", self.folds, 2)
        for seed in self.seeds:
            check_whole("a seed", seed, 0)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SettingError(f"seeds must be different, and at least one; got {[*self.seeds]}")


# Of TrainOptions, what a study's [training] may say; the rest is the grid's.
TRAINING_KEYS = tuple(
    each.name
    for each in fields(TrainOptions)
    if each.name not in ("loss", "loss_options", "regime", "rebalance_head")
)
EXTRACTOR_KEYS = tuple(each.name for each in fields(ExtractorOptions))
