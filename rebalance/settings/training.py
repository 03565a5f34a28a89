"""How a network is trained, and what it is judged by."""

import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from rebalance.errors import SettingError, shown
from rebalance.settings.numbers import Range, check_number
from rebalance.settings.option import Options, again, option
from rebalance.settings.running import LARGEST_SIDE, PRECISIONS

# A set that takes at most so many bytes when decoded stays in memory.
HELD_BYTES = {"auto": 2**30, "yes": sys.maxsize, "no": 0}


HIGHEST_RATE = 1000
MOST_EPOCHS = 100_000
RANGES: dict[str, tuple[type, Range]] = {  # of a recipe's numbers; training.checks has the rest
    "frozen_epochs": (int, Range(most=MOST_EPOCHS)),
    "epochs": (int, Range(most=MOST_EPOCHS)),
    "peak_lr": (float, Range(above=0, most=HIGHEST_RATE)),
    "whole_divisor": (float, Range(above=0)),
    "stem_divisor": (float, Range(above=0)),
    "batch_size": (int, Range()),
    "grad_accum": (int, Range(least=1)),
    "weight_decay": (float, Range(least=0)),
    "warmup_epochs": (int, Range(least=0)),
    "drop": (float, Range(above=0, most=1)),
}


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
        for name, (kind, bounds) in RANGES.items():
            check_number(f"{name} must be", getattr(self, name), kind, bounds)
        for share in self.milestones:
            check_number("a milestone must be", share, float, Range(above=0, below=1))
        rising = all(low < high for low, high in pairwise((0, *self.milestones, 1)))
        if self.milestones and not rising:
            raise SettingError(
                "milestones must rise, each above 0 and below 1, as shares of the epochs; got "
                f"{shown(self.milestones)}"
            )

    @property
    def supposes_pretrained(self) -> bool:
        """Tell whether it begins with a trained body, which its first phase keeps as it is."""
        return self.frozen_epochs > 0

    @classmethod
    def from_scratch(cls) -> "Recipe":
        """For random weights, where there is no trained body to freeze and no stem to go easy on.

        Measured on the sample data and on CIFAR-100 super-classes: more epochs help most, the
        frozen phase and the slow stem hurt.
        """
        return cls(frozen_epochs=0, epochs=20, peak_lr=0.02, stem_divisor=1.0, batch_size=64)


# Kim, Lee & Jeon 2021, on CIFAR: docs/methods.md, "Recipes".
_SCRATCH = Recipe(
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
)

RECIPES: dict[str, Recipe] = {
    "transfer": Recipe(),
    "scratch": _SCRATCH,
    # Dablain et al. 2023, on CIFAR.
    "eos": replace(_SCRATCH, weight_decay=2e-4, milestones=(0.8, 0.9), drop=0.1),
}


@dataclass(frozen=True)
class TrainOptions(Options):
    """What is trained, and how; those from ``epochs`` to ``grad_accum`` override the recipe's."""

    recipe: str = option(
        "transfer",
        choices=tuple(RECIPES),
        help="transfer: from ImageNet weights, the head first; scratch: "
        "as the literature trains on CIFAR; eos: the same with the schedule of the paper "
        "of that name. The next options override it.",
    )
    epochs: int | None = option(
        None, least=1, most=MOST_EPOCHS, help="Epochs that train everything."
    )
    batch_size: int | None = option(None, least=2, help="Images of one step.")
    lr: float | None = option(None, above=0, most=HIGHEST_RATE, help="Highest learning rate.")
    schedule: str | None = option(
        None,
        choices="rebalance.training.schedules:SCHEDULES",
        help="Schedule of the learning rate.",
    )
    augment: str | None = option(
        None,
        choices="rebalance.training.augmentation:AUGMENTATIONS",
        help="How training images are varied.",
    )
    grad_accum: int | None = option(
        None, least=1, help="Forward passes that one step is split into."
    )
    arch: str | None = option(
        None,
        metavar="NAME",
        help="[default: resnet50 for transfer, else cifar_resnet32]",
    )
    weights: str | None = option(
        None,
        metavar="scratch|imagenet|PATH",
        help="What to start from. [default: imagenet for transfer, else scratch]",
    )
    image_size: int | None = option(
        None, least=8, most=LARGEST_SIDE, help="Side of the square the network sees."
    )
    precision: str = option(
        "auto", choices=PRECISIONS, help="auto is bf16 where the processor has it."
    )
    loss: str = option(
        "ce", choices="rebalance.losses:LOSSES", in_study=False, help="Loss to minimise."
    )
    loss_options: tuple[tuple[str, str], ...] = option(
        (),
        flag="--loss-option",
        metavar="NAME=VALUE",
        accepts="Mapping[str, Any] | Iterable[tuple[str, Any]]",
        in_study=False,
        help="Option of the loss, such as gamma=-1; repeatable.",
    )
    sampler: str = option(
        "none",
        choices="rebalance.training.sampling:SAMPLERS",
        help="Sampler that draws the images of an epoch.",
    )
    regime: str = option(
        "plain",
        choices="rebalance.training.regimes:REGIMES",
        in_study=False,
        help="Regime: which images or weights training uses in which epochs.",
    )
    in_memory: str = option(
        "auto",
        choices=tuple(HELD_BYTES),
        wrong="in_memory must be",
        help="Keep the decoded images; auto: if they take 1 GiB at most.",
    )
    rebalance_head: Path | str | None = option(
        None,
        place="file",
        metavar="M.csv",
        in_study=False,
        help="In the end, train a fresh head on embeddings blended by this manifest.",
    )


@dataclass(frozen=True)
class StartOptions(Options):
    """What a training goes on from, in place of starting anew from DATA."""

    from_run: Path | str | None = option(
        None,
        flag="--from",
        metavar="RUN",
        help="In place of DATA: a finished run, whose network gets another head.",
    )
    head_only: Path | str | None = option(
        None,
        place="file",
        metavar="M.csv",
        help="With --from: the manifest that the head is trained by.",
    )
    resume: bool = option(False, help="Go on with a run that was interrupted.")


@dataclass(frozen=True)
class ScoringOptions(Options):
    """What a network is judged by."""

    val: Path | str | None = option(None, help="What to validate on, after each epoch.")
    val_fraction: float | None = option(
        None, above=0, below=1, help="Share of DATA to validate on, split off class by class."
    )
    groups: Path | str | None = option(
        None,
        place="file",
        help="CSV of file_name,group: no group on both sides of --val-fraction.",
    )
    group_column: str | None = option(
        None,
        metavar="NAME",
        help="Column of --groups that holds them. [default: the one of a usual name]",
    )
    allow_overlap: bool = option(False, help="Allow images that are both trained on and scored.")
    threshold: str = option(
        "none",
        metavar="none|prior|cost:FILE",
        form="rebalance.scoring.thresholds:parsed",
        help="Rule that turns probabilities into a class.",
    )
    classifier: str = option(
        "head",
        metavar="head|centres",
        choices="rebalance.scoring.rules:CLASSIFIERS",
        help="Classifier that decides: the head, or the nearest class mean.",
    )


@dataclass(frozen=True)
class DecisionOptions(Options):
    """How a finished run decides on a class; None is as it has decided so far."""

    threshold: str | None = again(
        ScoringOptions,
        "threshold",
        default=None,
        help="Rule that turns probabilities into a class. [default: as the run decided]",
    )
    classifier: str | None = again(
        ScoringOptions,
        "classifier",
        default=None,
        help="Classifier that decides: the head, or the nearest class mean. "
        "[default: as the run decided]",
    )
