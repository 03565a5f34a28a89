"""Features that files have of images, in place of a network that looks at them."""

from dataclasses import dataclass
from pathlib import Path

from rebalance.errors import SettingError
from rebalance.settings.option import Options, again
from rebalance.settings.running import ExtractorOptions


@dataclass(frozen=True)
class FeatureFiles(Options, group="Eyes"):
    """The files that have the features of images to train on, to score and to validate on."""

    features: Path | str | None = again(
        ExtractorOptions,
        "features",
        default=None,
        help="With --recipe probe, in place of --weights: a file that has the features of the "
        "images, which are not opened; rebalance extract reads the same ones.",
    )
    names: Path | str | None = again(
        ExtractorOptions,
        "names",
        default=None,
        help="With --features an .npy: the file names that its rows are of.",
    )
    test_features: Path | str | None = again(
        ExtractorOptions,
        "features",
        default=None,
        help="The file that has the features of the test images. [default: that of --features]",
    )
    test_names: Path | str | None = again(
        ExtractorOptions,
        "names",
        default=None,
        help="As --names, of --test-features.",
    )
    val_features: Path | str | None = again(
        ExtractorOptions,
        "features",
        default=None,
        help="The file that has the features of the images of --val. [default: that of --features]",
    )
    val_names: Path | str | None = again(
        ExtractorOptions,
        "names",
        default=None,
        help="As --names, of --val-features.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for names, features in (
            ("names", "features"),
            ("test_names", "test_features"),
            ("val_names", "val_features"),
            ("test_features", "features"),
            ("val_features", "features"),
        ):
            if getattr(self, names) is not None and getattr(self, features) is None:
                raise SettingError(
                    f"--{names.replace('_', '-')} goes with --{features.replace('_', '-')}: give "
                    "that too, or leave it out"
                )
