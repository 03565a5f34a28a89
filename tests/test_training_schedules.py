"""Schedules: every step's rate against a slow obvious loop."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rebalance.errors import SettingError
from rebalance.runs.recipe import chosen_recipe
from rebalance.settings import RECIPES, Recipe, TrainOptions
from rebalance.training.schedules import SCHEDULES, Phase, cosine_cycle, one_cycle, phases, step


def rates(name: str, phase: Phase, recipe: Recipe, steps: int) -> list[tuple[float, float]]:
    schedule = SCHEDULES[name]
    return [
        tuple(schedule(epoch + at / steps, phase.peaks[-1], phase, recipe))
        for epoch in range(phase.epochs)
        for at in range(steps)
    ]


def test_one_cycle_by_squares_of_sines() -> None:
    phase = Phase("whole", 3, (0.2,), rise=0.3, start_divisor=5.0)
    found = rates("one-cycle", phase, Recipe(), steps=7)
    for at, (lr, momentum) in enumerate(found):
        angle = np.interp(at / 21, [0, 0.3, 1], [0, math.pi / 2, math.pi])
        low = 0.04 if angle < math.pi / 2 else 0.2e-5
        assert lr == pytest.approx(low + (0.2 - low) * math.sin(angle) ** 2)
        assert momentum == pytest.approx(0.95 - 0.1 * math.sin(angle) ** 2)


def test_a_cycle_meets_its_three_values() -> None:
    values = (1.0, 9.0, 2.0)
    assert [cosine_cycle(share, 0.3, values) for share in (0, 0.3, 1)] == pytest.approx(values)
    assert cosine_cycle(0.15, 0.3, values) == pytest.approx(5)
    assert cosine_cycle(0.65, 0.3, values) == pytest.approx(5.5)


def test_the_scratch_recipe_is_the_papers() -> None:
    recipe = RECIPES["scratch"]
    phase = phases(recipe, groups=1)[1]
    slow = []
    for epoch in range(1, 201):
        lr = 0.1
        if epoch <= 5:
            lr = lr * epoch / 5
        for drop in (60, 120, 160):
            if epoch > drop:
                lr /= 2
        slow += [lr] * 3
    found = rates("step", phase, recipe, steps=3)
    assert [lr for lr, _ in found] == pytest.approx(slow)
    assert {momentum for _, momentum in found} == {0.9}


@pytest.mark.parametrize(
    ("name", "drops", "factor", "decay"),
    [
        ("scratch", [60, 120, 160], 0.5, 5e-4),
        ("eos", [160, 180], 0.1, 2e-4),
    ],
)
def test_the_papers_schedules_are_torchs_own_and_can_be_said_by_options(
    name: str, drops: list[int], factor: float, decay: float
) -> None:
    recipe = RECIPES[name]
    said = TrainOptions(
        "scratch", epochs=200, milestones=tuple(drops), drop=factor, weight_decay=decay
    )
    assert replace(chosen_recipe(said), augmentation=recipe.augmentation) == recipe
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9, weight_decay=decay)
    slow = torch.optim.lr_scheduler.ChainedScheduler(
        [
            torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=1 / 5, total_iters=4),
            torch.optim.lr_scheduler.MultiStepLR(optimiser, drops, factor),
        ]
    )
    wanted = []
    for _ in range(200):
        optimiser.step()
        wanted.append(optimiser.param_groups[0]["lr"])
        slow.step()
    (_, whole) = phases(recipe, groups=1)
    found = rates("step", whole, recipe, steps=1)
    assert [lr for lr, _ in found] == pytest.approx(wanted)
    assert {momentum for _, momentum in found} == {0.9}
    assert (recipe.batch_size, recipe.optimiser, recipe.weight_decay) == (128, "sgd", decay)


def test_every_number_of_a_step_schedule_can_be_chosen() -> None:
    given = TrainOptions(
        "scratch", epochs=8, warmup_epochs=2, milestones=(3, 6), drop=0.2, momentum=0.5, lr=1.0
    )
    recipe = chosen_recipe(given)
    found = rates("step", phases(recipe, groups=1)[1], recipe, steps=1)
    lrs = [0.5, 1, 1, 0.2, 0.2, 0.2, 0.04, 0.04]
    assert found == [(pytest.approx(lr), 0.5) for lr in lrs]
    by_shares = replace(given, milestones=(3 / 8, 6 / 8))
    assert chosen_recipe(by_shares) == recipe


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"drop": 0.1}, "--drop is of the schedule step, and the recipe transfer has one-cycle"),
        ({"recipe": "eos", "schedule": "one-cycle", "warmup_epochs": 1}, "--warmup-epochs is of"),
        ({"schedule": "step", "drop": 0.1}, "the recipe transfer has none: give some"),
        ({"recipe": "eos", "epochs": 20, "milestones": (10, 20)}, "before the last of 20 epochs"),
        ({"recipe": "eos", "milestones": (0.5, 180)}, "or shares of them, such as .8,.9; got"),
        ({"recipe": "eos", "milestones": (180, 160)}, "milestones must rise"),
    ],
)
def test_what_would_change_nothing_or_never_come_is_refused(given, said) -> None:
    with pytest.raises(SettingError, match=said):
        chosen_recipe(TrainOptions(**given))


def test_a_recipe_is_recorded_as_by_earlier_versions_unless_it_says_more() -> None:
    assert RECIPES["cce"] == replace(RECIPES["scratch"], normalise="data")
    known = set(RECIPES["scratch"].as_record())
    assert known == {
        *("frozen_epochs", "epochs", "peak_lr", "whole_divisor", "stem_divisor", "batch_size"),
        *("grad_accum", "weight_decay", "optimiser", "schedule", "warmup_epochs", "milestones"),
        *("drop", "augmentation"),
    }
    assert Recipe(momentum=0.5).as_record()["momentum"] == 0.5


def test_a_step_schedule_without_warm_up_or_milestones_is_constant() -> None:
    phase = phases(Recipe(), groups=2)[0]
    assert {lr for lr, _ in rates("step", phase, Recipe(), steps=4)} == {0.01}


def test_milestones_are_shares_of_any_number_of_epochs() -> None:
    recipe = replace(RECIPES["scratch"], epochs=11, warmup_epochs=0, drop=0.1)
    phase = phases(recipe, groups=1)[1]
    found = [step(epoch, 1.0, phase, recipe).lr for epoch in range(11)]
    assert found == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_whole_phase_rises_geometrically_from_stem_to_head() -> None:
    _, whole = phases(Recipe(peak_lr=0.02, stem_divisor=1000), groups=7)
    assert whole.peaks == pytest.approx(np.geomspace(0.01 / 1000, 0.01, 7))
    _, alone = phases(Recipe(), groups=1)
    assert alone.peaks == (0.005,)
    _, scratch = phases(RECIPES["scratch"], groups=5)
    assert scratch.peaks == (0.1,) * 5


def test_one_cycle_depends_on_the_share_of_the_phase_alone() -> None:
    short, long = (Phase("whole", epochs, (1.0,), 0.3, 5.0) for epochs in (2, 20))
    for share in (0.0, 0.25, 0.5, 0.95):
        first = one_cycle(share * 2, 1.0, short, Recipe())
        assert first == pytest.approx(one_cycle(share * 20, 1.0, long, Recipe()))


@pytest.mark.parametrize("milestones", [(0.5, 0.5), (0.6, 0.3), (0.0, 0.5), (0.5, 1.0), (60,)])
def test_milestones_that_do_not_rise_between_0_and_1_are_refused(milestones) -> None:
    with pytest.raises(SettingError, match="above 0 and below 1"):
        Recipe(milestones=milestones)


def test_grad_accum_and_warm_up_are_whole_numbers() -> None:
    with pytest.raises(SettingError, match="grad_accum must be a whole number from 1"):
        Recipe(grad_accum=0)
    with pytest.raises(SettingError, match="warmup_epochs must be a whole number from 0"):
        Recipe(warmup_epochs=-1)
