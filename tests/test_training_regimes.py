"""Regimes: which images and which weights, epoch by epoch."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.errors import DataError
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
    found = [two_phase(LABELS, Moment(epoch, 10, None, 0), limit=20) for epoch in range(10)]
    assert [sizes(each) for each in found] == [[20, 20, 10]] * 5 + [[60, 30, 10]] * 5
    first = found[0].positions
    assert len(set(first.tolist())) == 50
    assert all(np.array_equal(each.positions, first) for each in found[:5])
    other = two_phase(LABELS, Moment(0, 10, None, 1), limit=20)
    assert not np.array_equal(other.positions, first)


def test_two_phase_draws_a_class_the_same_beside_other_classes() -> None:
    moment = Moment(0, 10, None, 0)
    alone = np.where(LABELS == 1, 1, 0)
    kept, kept_alone = (two_phase(labels, moment, limit=7).positions for labels in (LABELS, alone))
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
