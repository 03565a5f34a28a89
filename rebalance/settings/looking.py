"""What is asked of images and of extractors, and what a page about images comes with."""

from dataclasses import dataclass
from pathlib import Path

from rebalance.settings.option import Options, again, option
from rebalance.settings.running import LAYERS
from rebalance.settings.study import StudyOptions

# The cosine of two images' features from which on they look alike. Chosen by eye on photographs
# (TrashNet, CIFAR-100), pooled features of an ImageNet network: all pairs from .94 up but one were
# one picture or the same thing a moment later; below .93, other apples, skies and bottles come in.
SIMILAR = 0.94


@dataclass(frozen=True)
class InspectOptions(Options):
    """What images are held against, and what is said of them."""

    against: Path | str | None = option(
        None,
        metavar="TEST",
        help="A folder or manifest, none of whose images should be in DATA.",
    )
    fail_above: float | None = option(
        None,
        least=1,
        metavar="RHO",
        help="Exit with status 3 if the imbalance ratio is larger.",
    )
    fail_on: tuple[str, ...] = option(
        (),
        choices="rebalance.inspection:KINDS",
        commas=True,
        metavar="KIND,...",
        help="Exit with status 3 if there is any such finding; kinds are listed above.",
    )
    baseline: Path | str | None = option(
        None,
        place="file",
        metavar="OLD.json",
        help="Result of an earlier inspect --json; only new findings are reported.",
    )
    similar: float | None = option(
        None,
        above=0,
        most=1,
        bare=SIMILAR,
        metavar="[COSINE]",
        help=f"Also find images whose features are so similar; {SIMILAR} where no number follows. "
        "The features must be in the cache (see extract), or be given by --features.",
    )
    html: Path | str | None = option(
        None,
        place="file",
        metavar="R.html",
        help="Also write a page that shows the images that were found.",
        group="Output",
    )


@dataclass(frozen=True)
class ReportOptions(Options, group="Output"):
    """What is written beside a page."""

    figures: Path | str | None = option(
        None,
        place="folder",
        help="Folder for the figures as SVG and PNG, and the photographs as JPEG.",
    )


@dataclass(frozen=True)
class ComparisonOptions(Options):
    """How extractors are compared, and on how many images."""

    layer: str | None = option(
        None,
        choices=LAYERS,
        help="Layer to compare. [default: pool; of a run its embedding]",
    )
    images: int = option(
        5_000,
        least=4,
        help="Compare on at most so many images; large classes give up some first.",
        group="How many",
    )
    groups: Path | None = again(StudyOptions, "groups", default=None)
    group_column: str | None = again(StudyOptions, "group_column", default=None)
    folds: int = again(
        StudyOptions,
        "folds",
        default=5,
        help="Parts that the images are dealt out to, each of which is held out once.",
    )
    repeats: int = option(
        3, least=1, most=1000, help="How often they are dealt out anew.", group="How many"
    )
