"""Schedules: every step's rate against a slow obvious loop."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rebalance.errors import SettingError
from rebalance.settings import RECIPES, Recipe
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
