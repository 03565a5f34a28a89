"""Recipes: the numbers that a network is trained by, and those that have a name.

Imports nothing but the standard library and our errors.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from rebalance.errors import SettingError, shown
from rebalance.settings.numbers import Range, check_number

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
    "momentum": (float, Range(least=0, below=1)),
}
LATER = ("momentum", "normalise", "mix")  # what recipes of earlier versions did not tell

# By whose mean and deviation of each channel images are normalised: those that the weights or the
# architecture come with, or those of the training images.
NORMALISATIONS = ("network", "data")


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
    augmentation: a preset or parts, as ``training.parts`` reads them.
    momentum: for the schedule ``step``, of every step.
    normalise: one of ``NORMALISATIONS``.
    mix: how images of a step are mixed, as ``training.mixing`` reads it.
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
    momentum: float = 0.9
    normalise: str = "network"
    mix: str = "none"

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

    def as_record(self) -> dict[str, Any]:
        """Return its numbers by name; those that came later only where they change something.

        By it a run of an earlier version, and a network in the cache, is known again.
        """
        plain = Recipe()
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in LATER or value != getattr(plain, name)
        }

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
    # The same paper to the letter: its code takes the statistics of the training images.
    "cce": replace(_SCRATCH, normalise="data"),
    # Dablain et al. 2023, on CIFAR.
    "eos": replace(_SCRATCH, weight_decay=2e-4, milestones=(0.8, 0.9), drop=0.1),
}


PROBE = "probe"  # the recipe that trains nothing but a linear head, to the end


@dataclass(frozen=True)
class ProbeRecipe:
    """How a head is fitted on features that stay as they are: see ``heads.fit_head``.

    head: a key of ``heads.HEADS``. whiten: from 0 to 1; None where the head does not. folds: of the
    training images, by which the head's own numbers are chosen.
    """

    whiten: float | None = 0.4
    folds: int = 5
    head: str = "logistic"

    def as_record(self) -> dict[str, Any]:
        """Return its numbers by name; no epoch is among them.

        The head stands there where it is another than that of the first probes, which did not tell.
        """
        numbers = {"frozen_epochs": 0, "epochs": 0, "whiten": self.whiten, "folds": self.folds}
        told = {name: number for name, number in numbers.items() if number is not None}
        return told if self.head == ProbeRecipe.head else {**told, "head": self.head}


def shares_of(milestones: Sequence[float], epochs: int) -> tuple[float, ...]:
    """Return milestones as shares of the epochs: whole numbers count epochs, others are shares.

    Raises SettingError for a mixture of both, and for epochs that there are not.

    >>> from rebalance.settings.recipes import shares_of
    >>> shares_of((160, 180), 200), shares_of((0.8, 0.9), 200)
    ((0.8, 0.9), (0.8, 0.9))
    """
    if all(each < 1 for each in milestones):
        return tuple(milestones)
    if not all(each >= 1 and float(each).is_integer() for each in milestones):
        raise SettingError(
            "milestones are epochs, such as 160,180, or shares of them, such as .8,.9; got "
            f"{shown([*milestones])}"
        )
    if max(milestones) >= epochs:
        raise SettingError(
            f"a milestone must come before the last of {epochs} epochs; got "
            f"{max(milestones):g}: give lower ones, or shares such as .8,.9"
        )
    return tuple(each / epochs for each in milestones)
