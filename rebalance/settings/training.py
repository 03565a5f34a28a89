"""How a network is trained, and what it is judged by."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rebalance.errors import SettingError
from rebalance.settings.checks import check_whole

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
    optimiser: a key of ``training.optimisers.OPTIMISERS``.
    schedule: a key of ``training.schedules.SCHEDULES``.
    warmup_epochs, milestones, drop: for the schedule ``step``: epochs of linear warm-up; shares of
    a phase's epochs, rising, at each of which the rate is multiplied by ``drop``.
    augmentation: a key of ``training.augmentation.AUGMENTATIONS``.
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
        check_whole("grad_accum", self.grad_accum, 1)
        check_whole("warmup_epochs", self.warmup_epochs, 0)
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
    sampler: a key of ``training.sampling.SAMPLERS``. regime: a key of ``training.regimes.REGIMES``.
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
        check_whole("epochs", self.epochs, 1)
        check_whole("batch_size", self.batch_size, 2)
        check_whole("image_size", self.image_size, 1)


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
