"""What a user can choose, each default written once.

The command line reads its defaults, and its help, from these classes; Python callers pass the same
names as keyword arguments. Imports nothing but the standard library and our errors.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rebalance.errors import SettingError

LAYERS = ("body", "pool", "linear", "auto")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
# The keys of registries that take seconds to import, for help; a test holds them together.
LOSSES = (
    "ce",
    "weighted",
    "cce",
    "cot",
    "focal",
    "focal-sigmoid",
    "ldam",
    "asl",
    "mfe",
    "msfe",
    "cost",
    "crl",
)
AUGMENTATIONS = ("paper", "cifar", "none")
IN_MEMORY = ("auto", "yes", "no")
SPACES = ("embedding", "pixel")
CLUSTER_SPACES = ("map", "pca")


def _check_whole(what: str, value: int | None, least: int) -> None:
    """Raise SettingError unless ``value`` is None or a whole number of at least ``least``."""
    if value is not None and (not isinstance(value, int) or value < least):
        raise SettingError(f"{what} must be a whole number from {least} up; got {value!r}")


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
        _check_whole("seed", self.seed, 0)
        _check_whole("workers", self.workers, 0)


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
        _check_whole("image_size", self.image_size, 1)
        _check_whole("batch_size", self.batch_size, 1)


@dataclass(frozen=True)
class Targets:
    """How many images a class is to keep (METHODS: a class at or below its target stays whole).

    to: ``min`` (the smallest class), a number, or ``Rx`` (R times the smallest class).
    per_class: (class name, number) pairs that override ``to``.
    classes: only these classes are cut; empty means all.
    """

    to: str = "min"
    per_class: tuple[tuple[str, int], ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, size in self.per_class:
            _check_whole(f"the size of class {name!r}", size, 0)


@dataclass(frozen=True)
class Growth:
    """How many samples a class is to grow to; a class at or above its target stays as it is.

    to: ``max`` (the largest class), a number, or ``Rx`` (R times the largest class).
    per_class: (class name, number) pairs that override ``to``.
    classes: only these classes grow; empty means all.
    """

    to: str = "max"
    per_class: tuple[tuple[str, int], ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, size in self.per_class:
            _check_whole(f"the size of class {name!r}", size, 0)


@dataclass(frozen=True)
class SelectionOptions:
    """How the images to keep are chosen.

    method: a key of ``undersampling.METHODS``.
    pick: for the subclass method, a key of ``undersampling.PICKERS``.
    layer: for the subclass method, body, pool, linear, or auto (best silhouette per class).
    k_max: for the subclass method, the largest number of clusters that is tried.
    criterion: for the subclass method, what chooses among them: a key of ``clusters.CRITERIA``.
    cluster_space: for the subclass method, where they are sought: on the 2-D ``map``, or among the
    principal components (``pca``).
    layout: for the subclass method, what draws that map: a key of ``clusters.LAYOUTS``.
    dedupe: of a class that shrinks, near-duplicates go before anything else does.
    suspects: tell which images look out of place in their class; needs features.
    """

    method: str = "subclass"
    pick: str = "closest"
    layer: str = "pool"
    k_max: int = 9
    criterion: str = "silhouette"
    cluster_space: str = "map"
    layout: str = "fast"
    dedupe: bool = False
    suspects: bool = False

    def __post_init__(self) -> None:
        _check_whole("k_max", self.k_max, 2)
        if self.cluster_space not in CLUSTER_SPACES:
            raise SettingError(
                f"a cluster space is one of {', '.join(CLUSTER_SPACES)}; got {self.cluster_space!r}"
            )


@dataclass(frozen=True)
class SynthesisOptions:
    """How the samples to add are made.

    method: a key of ``oversampling.OVERSAMPLERS``.
    neighbours: how many of them a partner is drawn from; None is the method's own number.
    layer: whose features tell neighbours and clusters: body, pool or linear.
    space: what a recipe blends, feature vectors (``embedding``) or images (``pixel``).
    exact: find the true neighbours, however many samples there are.
    """

    method: str = "ros"
    neighbours: int | None = None
    layer: str = "pool"
    space: str = "embedding"
    exact: bool = False

    def __post_init__(self) -> None:
        _check_whole("neighbours", self.neighbours, 1)
        if self.space not in SPACES:
            raise SettingError(f"a space is one of {', '.join(SPACES)}; got {self.space!r}")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults are the paper's, by way of fastai's ``fine_tune``.

    frozen_epochs: first phase, only the head and the body's BatchNorm layers train.
    epochs: second phase, everything trains.
    peak_lr: highest rate of the head in the first phase.
    whole_divisor: in the second phase it is divided by this.
    stem_divisor: in the second phase the body's first layers learn this much slower than the head;
    the layers between them rise geometrically.
    batch_size: images of one step, over all processes; at least 2.
    grad_accum: forward passes that a step's images are split over; it saves memory, and changes
    nothing else but what is seen at a time by BatchNorm and by losses of a whole batch (mfe, msfe,
    crl).
    weight_decay: see the optimiser.
    optimiser: a key of ``training.OPTIMISERS``. schedule: a key of ``schedules.SCHEDULES``.
    warmup_epochs, milestones, drop: for the schedule ``step``: epochs of linear warm-up; shares of
    a phase's epochs, rising, at each of which the rate is multiplied by ``drop``.
    augmentation: a key of ``augmentation.AUGMENTATIONS``.
    """

    frozen_epochs: int = 3
    epochs: int = 8
    peak_lr: float = 0.01
    whole_divisor: float = 2.0
    stem_divisor: float = 100.0
    batch_size: int = 25
    grad_accum: int = 1
    weight_decay: float = 0.01
    optimiser: str = "adamw"
    schedule: str = "one-cycle"
    warmup_epochs: int = 0
    milestones: tuple[float, ...] = ()
    drop: float = 0.5
    augmentation: str = "paper"

    def __post_init__(self) -> None:
        _check_whole("grad_accum", self.grad_accum, 1)
        _check_whole("warmup_epochs", self.warmup_epochs, 0)
        rising = all(low < high for low, high in pairwise((0, *self.milestones, 1)))
        if self.milestones and not rising:
            raise SettingError(
                "milestones must rise, each above 0 and below 1, as shares of the epochs; got "
                f"{', '.join(map(str, self.milestones))}"
            )

    @classmethod
    def from_scratch(cls) -> "Recipe":
        """For random weights, where there is no trained body to freeze and no stem to go easy on.

        Measured on the sample data and on CIFAR-100 super-classes: more epochs help most, the
        frozen phase and the slow stem hurt.
        """
        return cls(frozen_epochs=0, epochs=20, peak_lr=0.02, stem_divisor=1.0, batch_size=64)


RECIPES: dict[str, Recipe] = {
    "transfer": Recipe(),
    # Kim, Lee & Jeon 2021, on CIFAR (METHODS §5).
    "scratch": Recipe(
        frozen_epochs=0,
        epochs=200,
        peak_lr=0.1,
        whole_divisor=1.0,
        stem_divisor=1.0,
        batch_size=128,
        weight_decay=5e-4,
        optimiser="sgd",
        schedule="step",
        warmup_epochs=5,
        milestones=(0.3, 0.6, 0.8),
        augmentation="cifar",
    ),
}


@dataclass(frozen=True)
class TrainOptions:
    """What is trained, and how.

    recipe: a key of ``RECIPES``; the next six override it where they are given.
    epochs: of the phase that trains everything. lr: highest rate of the first phase.
    arch: as for extractors; None is resnet50 for ``transfer`` and cifar_resnet32 for ``scratch``.
    weights: ``scratch``, ``imagenet`` or the path of a checkpoint; None is as the recipe's name.
    image_size, precision: as for extractors.
    loss: a key of ``losses.LOSSES``; loss_options: (name, value) pairs.
    sampler: a key of ``sampling.SAMPLERS``. regime: a key of ``regimes.REGIMES``.
    in_memory: whether the decoded images are kept: auto (if they take 1 GiB at most), yes or no. It
    changes no result.
    rebalance_head: a manifest by whose recipes, in embedding space, a fresh linear head is trained
    in the end.
    """

    recipe: str = "transfer"
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    schedule: str | None = None
    augment: str | None = None
    grad_accum: int | None = None
    arch: str | None = None
    weights: str | None = None
    image_size: int | None = None
    precision: str = "auto"
    loss: str = "ce"
    loss_options: tuple[tuple[str, str], ...] = ()
    sampler: str = "none"
    regime: str = "plain"
    in_memory: str = "auto"
    rebalance_head: Path | str | None = None

    def __post_init__(self) -> None:
        if self.in_memory not in IN_MEMORY:
            raise SettingError(
                f"in_memory must be one of {', '.join(IN_MEMORY)}; got {self.in_memory!r}"
            )
        _check_whole("epochs", self.epochs, 1)
        _check_whole("batch_size", self.batch_size, 2)
        _check_whole("image_size", self.image_size, 1)


@dataclass(frozen=True)
class ScoringOptions:
    """What a network is judged by.

    val: a folder or manifest to validate on; or val_fraction: a share of DATA, split off class by
    class. groups: a CSV that says what each file of DATA belongs to; groups are not divided.
    allow_overlap: go on where an image to score is also trained on.
    threshold: ``none``, ``prior`` or ``cost:FILE``. classifier: ``head`` or ``centres``.
    """

    val: Path | str | None = None
    val_fraction: float | None = None
    groups: Path | str | None = None
    allow_overlap: bool = False
    threshold: str = "none"
    classifier: str = "head"
