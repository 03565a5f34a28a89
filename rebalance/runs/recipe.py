"""The recipe of a run and its first phase, as the options have them. Imports nothing heavy."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from rebalance.errors import SettingError
from rebalance.settings import RECIPES, Recipe, TrainOptions
from rebalance.settings.recipes import PROBE, shares_of
from rebalance.training.first_phase import FirstPhase
from rebalance.training.mixing import spelled_mix
from rebalance.training.parts import spelled
from rebalance.training.regimes import REGIMES

# What the schedule one-cycle has no use for: it brings its own.
OF_STEP = ("warmup_epochs", "milestones", "drop", "momentum")


def chosen_recipe(training: TrainOptions) -> Recipe:
    """The recipe with what overrides it.

    Raises SettingError for an option that would change nothing, and for milestones that come too
    late.
    """
    if training.recipe == PROBE:
        raise SettingError(
            f"--recipe {PROBE} fits a head on features and trains no network: in a study that is "
            f'depth = "{PROBE}"'
        )
    for name in ("whiten", "head"):
        if getattr(training, name) is not None:
            raise SettingError(f"--{name} is of the recipe {PROBE}: pass that, or leave it out")
    chosen = {
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "peak_lr": training.lr,
        "schedule": training.schedule,
        "augmentation": training.augment,
        "grad_accum": training.grad_accum,
        "weight_decay": training.weight_decay,
        "normalise": training.normalise,
        "mix": None if training.mix is None else spelled_mix(training.mix),
        **{name: getattr(training, name) for name in OF_STEP},
    }
    given: dict[str, Any] = {
        name: value for name, value in chosen.items() if value not in (None, ())
    }
    preset = RECIPES[training.recipe]
    if "milestones" in given:
        given["milestones"] = shares_of(given["milestones"], given.get("epochs", preset.epochs))
    recipe = replace(preset, **given)
    recipe = replace(recipe, augmentation=spelled(recipe.augmentation, training.flips))
    _check_used(given, recipe, training.recipe)
    return recipe


def chosen_phase(training: TrainOptions) -> FirstPhase:
    """What the regime two-phase begins with. Raises SettingError where another regime is chosen."""
    given = {"by": training.phase_by, "limit": training.phase_limit}
    told = {name: value for name, value in given.items() if value is not None}
    if told and not REGIMES[training.regime].has_first_phase:
        raise SettingError(
            f"--phase-{next(iter(told))} is of the regime two-phase, and the regime is "
            f"{training.regime}: pass --regime two-phase, or leave it out"
        )
    return FirstPhase(**told)


def _check_used(given: Collection[str], recipe: Recipe, name: str) -> None:
    unused = [option for option in OF_STEP if option in given]
    if recipe.schedule == "one-cycle" and unused:
        raise SettingError(
            f"--{unused[0].replace('_', '-')} is of the schedule step, and the recipe {name} has "
            "one-cycle here: pass --schedule step, or leave it out"
        )
    if "drop" in given and not recipe.milestones:
        raise SettingError(
            f"--drop is what the rate drops to at --milestones, and the recipe {name} has none: "
            "give some"
        )
