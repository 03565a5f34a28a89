"""Learning rates: the phases of a training run, and the rate at every step of a phase.

A new schedule is a function here and its line in ``SCHEDULES``. Imports nothing but the standard
library and our settings.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rebalance.settings import Recipe

CYCLED_MOMENTUM = (0.95, 0.85, 0.95)  # at the start, at the peak of the rate, at the end
END_DIVISOR = 1e5  # one cycle's last rate is the peak divided by this


class Rate(NamedTuple):
    """What an optimiser is set to for one step; momentum is Adam's first beta, or SGD's own."""

    lr: float
    momentum: float


@dataclass(frozen=True)
class Phase:
    """Epochs in which the same parameters train, under one run of the schedule.

    name: ``frozen`` or ``whole``. peaks: highest rate of each group of parameters, the stem first
    and the head last. rise, start_divisor: for one cycle, the share of the steps before the peak,
    and what the peak is divided by to give the first rate.
    """

    name: str
    epochs: int
    peaks: tuple[float, ...]
    rise: float
    start_divisor: float


def phases(recipe: Recipe, groups: int) -> list[Phase]:
    """The frozen phase, then the whole one, with a peak rate for each group of parameters.

    While the body is frozen its BatchNorm learns at a tenth of the head's rate, as in fastai.

    >>> from rebalance.settings import Recipe
    >>> from rebalance.training.schedules import phases
    >>> [(phase.name, phase.epochs, phase.peaks) for phase in phases(Recipe(), groups=3)]
    [('frozen', 3, (0.001, 0.001, 0.01)), ('whole', 8, (5e-05, 0.0005, 0.005))]
    """
    frozen = (recipe.peak_lr / 10,) * (groups - 1) + (recipe.peak_lr,)
    head = recipe.peak_lr / recipe.whole_divisor
    steps = max(groups - 1, 1)
    whole = tuple(
        head / recipe.stem_divisor ** ((groups - 1 - group) / steps) for group in range(groups)
    )
    return [
        Phase("frozen", recipe.frozen_epochs, frozen, rise=0.99, start_divisor=25.0),
        Phase("whole", recipe.epochs, whole, rise=0.3, start_divisor=5.0),
    ]


def cosine_cycle(share: float, rise: float, values: tuple[float, float, float]) -> float:
    """A value on its way from start over peak to end, along half cosines.

    share: of the steps that are done, in [0, 1]. rise: share at which the peak comes, in (0, 1).
    values: start, peak and end.

    >>> from rebalance.training.schedules import cosine_cycle
    >>> [round(cosine_cycle(share, 0.5, (0.0, 1.0, 0.0)), 2) for share in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 0.0]
    """
    start, peak, end = values
    if share < rise:
        return _cosine(start, peak, share / rise)
    return _cosine(peak, end, (share - rise) / (1 - rise))


def _cosine(start: float, end: float, share: float) -> float:
    return start + (end - start) * (1 - math.cos(math.pi * share)) / 2


def one_cycle(done: float, peak: float, phase: Phase, recipe: Recipe) -> Rate:
    """Up to the peak and down to next to nothing, the momentum the other way round.

    Source: Smith, "Super-convergence" (2018), with fastai's cosines.

    >>> from rebalance.settings import Recipe
    >>> from rebalance.training.schedules import SCHEDULES, phases
    >>> whole = phases(Recipe(), groups=1)[1]
    >>> rates = [SCHEDULES["one-cycle"](done, 0.01, whole, Recipe()).lr for done in (0, 2.4, 8)]
    >>> [f"{rate:.1e}" for rate in rates]
    ['2.0e-03', '1.0e-02', '1.0e-07']
    """
    share = done / phase.epochs
    cycle = (peak / phase.start_divisor, peak, peak / END_DIVISOR)
    return Rate(
        cosine_cycle(share, phase.rise, cycle), cosine_cycle(share, phase.rise, CYCLED_MOMENTUM)
    )


def step(done: float, peak: float, phase: Phase, recipe: Recipe) -> Rate:
    """A rate for each epoch: linear warm-up to the peak, then a drop at every milestone.

    Warm-up epoch e (from 1) of E has e / E of the peak. A milestone takes effect after the whole
    number of epochs that is nearest to its share of the phase. Source: Kim, Lee & Jeon 2021.

    >>> from rebalance.settings import RECIPES
    >>> from rebalance.training.schedules import SCHEDULES, phases
    >>> recipe = RECIPES["scratch"]
    >>> whole = phases(recipe, groups=1)[1]
    >>> [SCHEDULES["step"](done, 0.1, whole, recipe).lr for done in (4, 59, 60, 120)]
    [0.1, 0.1, 0.05, 0.025]
    """
    epoch = math.floor(done)
    warm = min((epoch + 1) / recipe.warmup_epochs, 1.0) if recipe.warmup_epochs else 1.0
    drops = sum(epoch >= round(share * phase.epochs) for share in recipe.milestones)
    return Rate(peak * warm * recipe.drop**drops, recipe.momentum)


# From the epochs of the phase that are done (with the share of the one under way), a group's peak,
# the phase and the recipe to what the group is set to for the next step.
SCHEDULES: dict[str, Callable[[float, float, Phase, Recipe], Rate]] = {
    "one-cycle": one_cycle,
    "step": step,
}
