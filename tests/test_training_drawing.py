"""Epochs that have their class shares exactly, held against slow loops."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalance.errors import SettingError
from rebalance.training.drawing import (
    BalancedDraw,
    places_of,
    shares_by_power,
    shares_by_thresholds,
)

SIZES = [900, 0, 90, 10]


@pytest.mark.parametrize(
    ("power", "shares"),
    [
        (1, [1 / 3, 0, 1 / 3, 1 / 3]),
        (0.5, [0.7035, 0, 0.2225, 0.0742]),
        (0, [0.9, 0, 0.09, 0.01]),
        (2, [1 / 101, 0, 10 / 101, 90 / 101]),
    ],
)
def test_every_epoch_has_the_shares_of_its_power(power, shares):
    labels = np.repeat(range(4), SIZES)
    draw = BalancedDraw.of(labels, places_of(shares_by_power(SIZES, power)))
    for epoch in (0, 1, 1000):
        positions = draw.epoch(epoch)
        found = np.bincount(labels[positions], minlength=4) / 1000
        assert len(positions) == 1000
        np.testing.assert_allclose(found, shares, atol=1e-3)


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(any),
    limits=st.lists(st.floats(0, 1), min_size=6, max_size=6),
    one=st.booleans(),
)
def test_repeat_factors_are_those_of_a_loop_over_images(sizes, limits, one):
    thresholds = limits[0] if one else limits[: len(sizes)]
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    places = [0.0] * len(sizes)
    for label in labels:
        frequency = labels.count(label) / len(labels)
        threshold = limits[0] if one else limits[label]
        places[label] += max(1.0, (threshold / frequency) ** 0.5)
    np.testing.assert_allclose(shares_by_thresholds(sizes, thresholds), places)


def test_repeat_factor_sampling_makes_an_epoch_longer_by_what_it_repeats():
    labels = np.repeat(range(4), SIZES)
    places = places_of(shares_by_thresholds(SIZES, 0.16))
    assert places.tolist() == [900, 0, 120, 40]  # r = √(.16 / .09) and √(.16 / .01)
    positions = BalancedDraw.of(labels, places).epoch(0)
    often = Counter(positions.tolist())
    assert {often[image] for image in range(900)} == {1}
    assert {often[image] for image in range(990, 1000)} == {4}


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=5).filter(any),
    length=st.integers(1, 80),
    power=st.sampled_from([0, 0.5, 1]),
    seed=st.integers(0, 3),
)
def test_a_class_shows_each_image_once_before_any_again_over_all_epochs(sizes, length, power, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(range(len(sizes)), sizes))
    places = places_of(shares_by_power(sizes, power), length)
    assert places.sum() == length
    draw = BalancedDraw.of(labels, places, seed)
    shown = {label: [] for label in range(len(sizes))}
    for epoch in range(4):
        positions = draw.epoch(epoch)
        assert np.bincount(labels[positions], minlength=len(sizes)).tolist() == places.tolist()
        for position in positions.tolist():
            own = shown[labels[position]]
            own.append(position)
            if len(own) % sizes[labels[position]] == 0:
                assert set(Counter(own).values()) == {len(own) // sizes[labels[position]]}


def test_epochs_and_seeds_differ_and_classes_are_mixed():
    labels = np.repeat([0, 1], 500)
    places = places_of(shares_by_power([500, 500], 0))
    draws = [BalancedDraw.of(labels, places, seed) for seed in (0, 0, 1)]
    first, same, other = (draw.epoch(0) for draw in draws)
    assert np.array_equal(first, same)
    assert len({each.tobytes() for each in (first, other, draws[0].epoch(1))}) == 3
    assert 200 < (labels[first[:500]] == 0).sum() < 300
    # All orders of three images occur about as often in the long run.
    row = BalancedDraw.of(np.zeros(3, dtype=int), np.array([3000]), 5).epoch(0).reshape(-1, 3)
    assert min(Counter(map(tuple, row.tolist())).values()) > 130
    assert len(Counter(map(tuple, row.tolist()))) == 6


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: shares_by_power([1], -1), "power must be 0 .* not -1"),
        (lambda: shares_by_power([1], float("nan")), "not nan"),
        (lambda: shares_by_power([1], "balanced"), "not 'balanced'"),
        (lambda: shares_by_thresholds([1, 2], 1.5), "from 0 to 1.* not 1.5"),
        (lambda: shares_by_thresholds([1, 2], [0.1]), "one for each of 2"),
        (lambda: places_of(np.ones(2), 0), "at least 1, not 0"),
        (lambda: places_of(np.ones(2), 2.5), "not 2.5"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(call, says):
    with pytest.raises(SettingError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)
