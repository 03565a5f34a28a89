"""How a command runs, how it reads DATA, and which network looks at the images."""

from dataclasses import dataclass
from pathlib import Path

from rebalance.settings.checks import check_whole

LAYERS = ("body", "pool", "linear", "auto")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class RunOptions:
    """How to run: nothing here changes a result, except ``seed`` and ``device``.

    seed: non-negative; the same seed on the same machine gives the same bytes.
    device: auto, cpu, cuda or mps.
    workers: threads or processes that read images; 0 reads in the main thread; None chooses.
    cache_dir: where features and trained extractors are kept; None is the user's cache folder.
    strict: unreadable images are an error before anything expensive starts.
    overwrite: replace result files that exist.
    """

    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    cache_dir: Path | str | None = None
    strict: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, 0)
        check_whole("workers", self.workers, 0)


@dataclass(frozen=True)
class FolderOptions:
    """How to read DATA.

    root: for a manifest, the folder that its file names are relative to; None is what it says.
    allow_empty: let class folders hold no image.
    """

    root: Path | str | None = None
    allow_empty: bool = False


@dataclass(frozen=True)
class ExtractorOptions:
    """Which network looks at the images, and how.

    extractor: ``imagenet``, ``finetune``, or the path of a checkpoint.
    arch: a torchvision classification model or cifar_resnet20/32/56; None chooses.
    init: for finetune, ``scratch``, ``imagenet`` or the path of a checkpoint to start from.
    image_size: side of the square the network sees; None is what its weights were trained with.
    precision: auto, fp32 or bf16.
    batch_size: images per forward pass; None chooses by device.
    """

    extractor: str = "imagenet"
    arch: str | None = None
    init: str = "scratch"
    image_size: int | None = None
    precision: str = "auto"
    batch_size: int | None = None

    def __post_init__(self) -> None:
        check_whole("image_size", self.image_size, 1)
        check_whole("batch_size", self.batch_size, 1)
