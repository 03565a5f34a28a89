"""How a command runs, how it reads DATA, and which network looks at the images."""

from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from rebalance.errors import SettingError
from rebalance.settings.numbers import LARGEST_SEED
from rebalance.settings.option import Options, declared, option

CANDIDATES = ("body", "pool", "linear")  # what auto chooses from, as the paper does
LAYERS = (*CANDIDATES, "embedding")
LAYERS_OR_AUTO = (*LAYERS, "auto")
DEVICES = ("auto", "cpu", "cuda", "mps")
MOST_WORKERS = 1024  # threads, or processes of a study
LARGEST_SIDE = 4096  # pixels of an image for a network
CROP, STRETCH = RESIZES = ("crop", "stretch")
RESIZE = STRETCH  # measured to be the better one: docs/methods.md, "How an image becomes a square"
OWN = "own"  # in records: an image becomes a square as the transform of another library has it
PRECISIONS = ("auto", "fp32", "bf16")
OF_FILES = ("features", "names")  # what is said of features that no network computes
LINKS = ("auto", "hard", "sym", "copy", "reflink")


@dataclass(frozen=True)
class RunOptions(Options, group="Running"):
    """How to run: nothing here changes a result, except ``seed`` and ``device``."""

    seed: int = option(
        0, least=0, most=LARGEST_SEED, help="Same seed, same images, same machine: same bytes."
    )
    device: str = option("auto", choices=DEVICES, help="Where the network runs.")
    workers: int | None = option(
        None,
        least=0,
        most=MOST_WORKERS,
        help="Threads that read images; 0 reads in the main one. [default: all cores]",
    )
    cache_dir: Path | str | None = option(
        None,
        place="folder",
        help="Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's cache]",
    )
    strict: bool = option(False, help="Unreadable images are an error, before the expensive work.")
    overwrite: bool = option(False, help="Replace result files that exist.", group="Output")


@dataclass(frozen=True)
class FolderOptions(Options, group="Data"):
    """How to read DATA."""

    root: Path | str | None = option(
        None,
        place="folder",
        help="Where the images of a manifest are. [default: as the manifest says]",
    )
    allow_empty: bool = option(False, help="Let class folders hold no image.")
    as_classes: bool = option(
        False, help="Take the folders as classes though they look like splits or repeat each other."
    )
    extensions: tuple[str, ...] = option(
        (),
        metavar=".A,.B",
        commas=True,
        help="Further endings of files to read as images, such as .avif,.heic.",
    )


@dataclass(frozen=True)
class ImportOptions(Options):
    """Which columns of another program's table are read."""

    path_column: str | None = option(
        None,
        metavar="NAME",
        help="Column with the path of each image; without a header its number. [default: the one "
        "of a usual name, or the only one that can be meant]",
    )
    label_column: str | None = option(
        None, metavar="NAME", help="Column with its label. [default: as for paths]"
    )


@dataclass(frozen=True)
class ExportOptions(Options):
    """What another tool is told beside files and labels; each option is of some tools alone."""

    weighting: str | None = option(
        None,
        metavar="NAME",
        choices="rebalance.losses:WEIGHTINGS",
        help="Of weights: how much more a small class counts; see rebalance choices weightings. "
        "[default: balanced]",
    )
    beta: float | None = option(
        None, least=0, below=1, help="Of weights by effective: from 0, all alike. [default: 0.9999]"
    )
    dropped: bool = option(
        False, help="Of fiftyone: the images that were left out, too, with their reason."
    )


@dataclass(frozen=True)
class MaterializeOptions(Options, group="Output"):
    """How the images of a manifest come into a folder."""

    link: str = option(
        "auto",
        choices=LINKS,
        help="hard and sym make links, and who edits one edits the original; reflink and copy do "
        "not; auto is a reflink where the file system has them, else a copy.",
    )
    layout: str = option(
        "imagefolder",
        choices="rebalance.materialization.layouts:LAYOUTS",
        help="imagefolder: OUT has the class folders, or with --val or --test the folders train, "
        "val and test that have them. ultralytics and timm: these always, and files that those "
        "do not read are told.",
    )
    val: Path | str | None = option(
        None,
        help="What to validate on: a folder, or a manifest of originals, written to OUT/val.",
        group="What",
    )
    test: Path | str | None = option(
        None, help="What to test on, as --val, written to OUT/test.", group="What"
    )


@dataclass(frozen=True)
class LayerOptions(Options, group="Eyes"):
    """What is kept of the network's view of an image."""

    layers: tuple[str, ...] = option(
        ("pool",),
        flag="--layer",
        choices=LAYERS_OR_AUTO,
        help="Layer to extract; repeatable; auto is each of body, pool and linear that there is. "
        "[default: pool; of a run its embedding]",
    )


@dataclass(frozen=True)
class ExtractorOptions(Options, group="Eyes"):
    """Which network looks at the images, and how."""

    extractor: str = option(
        "imagenet",
        metavar="imagenet|lite0|finetune|PATH|timm:NAME|hf:NAME|open_clip:NAME",
        help="Network that describes the images: torchvision's pretrained one (a download), the "
        "installed EfficientNet-Lite0, one trained on DATA first, a checkpoint, or another "
        "library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER, open_clip:MODEL/TAG.",
    )
    arch: str | None = option(
        None,
        metavar="NAME",
        help="A torchvision classification model, efficientnet_lite0, or one for small images: "
        "cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a file of "
        "weights. [default: resnet50; cifar_resnet20 to finetune on images at most 64 pixels wide]",
    )
    weights: Path | str | None = option(
        None,
        place="file",
        help="File of weights for timm:NAME. [default: those that the library publishes]",
    )
    init: str = option(
        "scratch", metavar="scratch|imagenet|lite0|PATH", help="What finetune starts from."
    )
    image_size: int | None = option(
        None,
        least=8,
        most=LARGEST_SIDE,
        help="Side of the square the network sees. [default: as its weights were trained]",
    )
    resize: str | None = option(
        None,
        choices=RESIZES,
        wrong="resize is",
        help="How an image becomes that square: the centre of it, or all of it, stretched. "
        f"[default: as a run was trained, else {RESIZE}]",
    )
    flips: str | None = option(
        None,
        choices="rebalance.training.parts:FLIPS",
        wrong="flips are",
        help="Mirror images that finetune learns from: left to right, upside down or both; none "
        "for digits, text and classes of left and right. [default: h]",
    )
    precision: str = option(
        "auto", choices=PRECISIONS, help="auto is bf16 where the processor has it."
    )
    batch_size: int | None = option(
        None, least=1, help="Images per forward pass. [default: by device]"
    )
    features: Path | str | None = option(
        None,
        place="file",
        metavar="FILE",
        help="Your own features, in place of a network's: .npz, .npy, .parquet, .csv, .safetensors "
        "or .pt. No image is opened for them.",
    )
    names: Path | str | None = option(
        None,
        place="file",
        metavar="FILE",
        help="The images of the rows of --features, where that file does not name them: a path a "
        "line, .csv, .json or .jsonl.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.features is None:
            if self.names is not None:
                raise SettingError(
                    "--names says which images the rows of --features are of: add --features, or "
                    "leave it out"
                )
            return
        of_networks = [name for name in declared(self) if name not in OF_FILES]
        said = [name for name in of_networks if getattr(self, name) != getattr(type(self), name)]
        if said:
            flags = ", ".join("--" + name.replace("_", "-") for name in said)
            raise SettingError(
                f"--features takes features as they are, and {flags} is about a network that "
                "computes them: leave out the one or the other"
            )

    def as_record(self) -> dict[str, Any]:
        """Return the options by name, as JSON has them; of a file of features only what names it.

        Files of features came later, and are told only where there is one.
        """
        every = {
            name: str(each) if isinstance(each, PathLike) else each
            for name, each in asdict(self).items()
        }
        of_file = {name: every.pop(name) for name in OF_FILES}
        if self.features is None:
            return every
        return {name: each for name, each in of_file.items() if each is not None}
