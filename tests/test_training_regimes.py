"""Regimes: which images and which weights, epoch by epoch."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.class_sizes import grown_sizes, wanted_sizes
from rebalance.errors import DataError, SettingError, TargetError
from rebalance.runs.recipe import chosen_phase
from rebalance.settings import Growth, Targets, TrainOptions
from rebalance.training.first_phase import FirstPhase
from rebalance.training.regimes import REGIMES, Lesson, Moment, dynamic, dynamic_sizes, two_phase

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [60, 30, 10]))


def lesson(name: str, epoch: int, f1: list[float] | None = None, seed: int = 0) -> Lesson:
    return REGIMES[name].plan(LABELS, Moment(epoch, 10, f1, seed))


def sizes(found: Lesson) -> list[int]:
    return np.bincount(LABELS[found.positions], minlength=3).tolist()


@pytest.mark.parametrize("name", REGIMES)
def test_every_regime_begins_with_all_of_these_few_images_and_no_weights(name: str) -> None:
    found = lesson(name, 0)
    assert found.positions.tolist() == list(range(100))
    assert found.weighting is None


def test_plain_never_changes() -> None:
    assert {lesson("plain", epoch).weighting for epoch in range(10)} == {None}
    assert all(sizes(lesson("plain", epoch)) == [60, 30, 10] for epoch in range(10))


def test_drw_weighs_from_eighty_percent_on() -> None:
    found = [lesson("drw", epoch).weighting for epoch in range(10)]
    assert found == [None] * 8 + ["effective"] * 2
    assert sizes(lesson("drw", 9)) == [60, 30, 10]
    plan = REGIMES["drw"].plan
    assert [plan(LABELS, Moment(at, 200, None, 0)).weighting for at in (159, 160)] == [
        None,
        "effective",
    ]


def test_two_phase_cuts_the_large_classes_then_shows_all() -> None:
    cut = FirstPhase(limit="20")
    found = [two_phase(LABELS, Moment(epoch, 10, None, 0, cut)) for epoch in range(10)]
    assert [sizes(each) for each in found] == [[20, 20, 10]] * 5 + [[60, 30, 10]] * 5
    first = found[0].positions
    assert len(set(first.tolist())) == 50
    assert all(np.array_equal(each.positions, first) for each in found[:5])
    other = two_phase(LABELS, Moment(0, 10, None, 1, cut))
    assert not np.array_equal(other.positions, first)


COUNTS = {"cat": 60, "dog": 30, "owl": 10}


@pytest.mark.parametrize("limit", ["min", "2x", "45", None])
def test_two_phase_cuts_as_undersample_does(limit: str | None) -> None:
    moment = Moment(0, 2, None, 0, FirstPhase(limit=limit))
    wanted = wanted_sizes(COUNTS, Targets(to=limit or "5000"))
    assert sizes(two_phase(LABELS, moment)) == list(wanted.values())


@pytest.mark.parametrize("by", ["undersample", "oversample"])
def test_a_first_phase_is_that_of_a_slow_loop(by: str) -> None:
    moment = Moment(0, 2, None, 0, FirstPhase(by, "20"))
    found = two_phase(LABELS, moment).positions.tolist()
    for label, size in enumerate([60, 30, 10]):
        wanted = min(size, 20) if by == "undersample" else max(size, 20)
        members = [place for place in range(100) if LABELS[place] == label]
        times = [found.count(place) for place in members]
        assert sum(times) == wanted and max(times) - min(times) <= 1
    everything = two_phase(LABELS, Moment(1, 2, None, 0, FirstPhase(by, "20")))
    assert everything.positions.tolist() == list(range(100))


@pytest.mark.parametrize("limit", ["max", "0.5x", "45", None])
def test_two_phase_raises_as_oversample_does_and_repeats_evenly(limit: str | None) -> None:
    moment = Moment(0, 2, None, 0, FirstPhase("oversample", limit))
    found = two_phase(LABELS, moment)
    wanted = grown_sizes(COUNTS, Growth(to=limit or "max"))
    assert sizes(found) == list(wanted.values())
    times = np.bincount(found.positions, minlength=100)
    for label, (name, count) in enumerate(COUNTS.items()):
        of_class = times[label == LABELS]
        assert of_class.max() - of_class.min() <= 1 and of_class.sum() == wanted[name]
        assert of_class.min() == wanted[name] // count


@pytest.mark.parametrize(
    ("first", "epochs", "said"),
    [
        (
            FirstPhase(),
            9,
            "would cut no class: its limit is 5000, and the largest class, 'cat', has",
        ),
        (FirstPhase(limit="60"), 9, "has 60 images: give a lower --phase-limit, such as min"),
        (
            FirstPhase("oversample", "10"),
            9,
            "would raise no class.*'cat', has 60 images: give a hi",
        ),
        (FirstPhase(limit="min"), 1, "needs at least 2 epochs, one for each phase, found 1"),
    ],
)
def test_a_first_phase_that_does_nothing_is_an_error(first, epochs, said) -> None:
    with pytest.raises(SettingError, match=said):
        first.check(COUNTS, epochs)
    FirstPhase(limit="59").check(COUNTS, 2)
    FirstPhase("oversample").check(COUNTS, 2)
    with pytest.raises(SettingError, match="has 5 images, as all have: choose another regime"):
        FirstPhase(limit="min").check({"cat": 5, "dog": 5, "none": 0}, 2)


def test_a_first_phase_says_what_it_holds() -> None:
    assert FirstPhase("oversample").told(COUNTS, 2).startswith("first phase, epoch 1: 180 samples")
    assert FirstPhase(limit="2x").told(COUNTS, 9) == (
        "first phase, epochs 1 to 4: 50 samples of 100 images (20 cat, 20 dog, 10 owl); then all "
        "images"
    )


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"phase_limit": "min"}, SettingError, "--phase-limit is of the regime two-phase, and the"),
        ({"phase_by": "oversample", "regime": "drw"}, SettingError, "the regime is drw: pass"),
        ({"phase_limit": "most"}, TargetError, "a target is min, a number, or Rx"),
        (
            {"regime": "two-phase", "phase_by": "oversample", "phase_limit": "min"},
            TargetError,
            "a first phase by oversample: a target is max",
        ),
    ],
)
def test_a_first_phase_that_cannot_be_is_refused(given, error, said) -> None:
    with pytest.raises(error, match=said):
        chosen_phase(TrainOptions(**given))


@pytest.mark.parametrize(("epochs", "begins"), [(1, False), (2, False), (3, True), (200, True)])
def test_a_regime_that_never_begins_is_known(epochs: int, begins: bool) -> None:
    assert REGIMES["drw"].begins_within(epochs) is begins
    assert REGIMES["plain"].begins_within(epochs)


def test_two_phase_draws_a_class_the_same_beside_other_classes() -> None:
    moment = Moment(0, 10, None, 0, FirstPhase(limit="7"))
    alone = np.where(LABELS == 1, 1, 0)
    kept, kept_alone = (two_phase(labels, moment).positions for labels in (LABELS, alone))
    of_one = [set(found[LABELS[found] == 1].tolist()) for found in (kept, kept_alone)]
    assert of_one[0] == of_one[1]


def test_dynamic_shares_by_what_is_lacking() -> None:
    found = lesson("dynamic", 3, [0.9, 0.5, 0.6])
    assert sizes(found) == [10, 50, 40]
    counted = np.bincount(found.positions, minlength=100)
    assert counted[LABELS == 0].max() == 1
    assert set(counted[LABELS == 1]) == {1, 2}  # 50 of 30 images
    assert set(counted[LABELS == 2]) == {4}
    again, later = lesson("dynamic", 3, [0.9, 0.5, 0.6]), lesson("dynamic", 4, [0.9, 0.5, 0.6])
    assert np.array_equal(again.positions, found.positions)
    assert not np.array_equal(later.positions, found.positions)


def test_dynamic_keeps_one_image_and_levels_out_when_all_is_known() -> None:
    assert sizes(lesson("dynamic", 1, [1.0, 0.0, 1.0])) == [1, 98, 1]
    assert sizes(lesson("dynamic", 1, [1.0, 1.0, 1.0])) == [34, 33, 33]


def test_dynamic_leaves_out_a_class_without_training_images() -> None:
    labels = np.array([0, 0, 2, 2])
    found = dynamic(labels, Moment(1, 10, [0.5, math.nan, 0.5], 0))
    assert labels[found.positions].tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("value", [math.nan, -0.1, 1.1])
def test_dynamic_needs_an_f1_of_every_class(value: float) -> None:
    with pytest.raises(DataError, match=f"F1 of every class, found {value} for class number 2"):
        lesson("dynamic", 1, [0.5, value, 0.5])


@given(
    f1=st.lists(st.integers(0, 100), min_size=1, max_size=8),
    spare=st.integers(0, 500),
)
def test_dynamic_sizes_are_the_equation_rounded(f1: list[int], spare: int) -> None:
    total = len(f1) + spare
    found = dynamic_sizes([value / 100 for value in f1], total)
    assert sum(found) == total
    assert min(found) >= 1
    lack = [Fraction(100 - value, 100) for value in f1]
    if sum(lack) == 0:
        assert max(found) - min(found) <= 1
        return
    # The equation of Johnson & Khoshgoftaar times K: a share of the mean size, K times.
    mean = Fraction(total, len(f1))
    exact = [len(f1) * mean * each / sum(lack) for each in lack]
    given_up = sum(each < 1 for each in exact)
    for size, each in zip(found, exact, strict=True):
        assert each - 1 - given_up < size < max(each, 1) + 1
