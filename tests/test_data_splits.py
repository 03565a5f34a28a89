"""Splits: shares, both sides, and groups kept whole."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance import seeds
from rebalance.data.splits import linked, stratified_split
from rebalance.errors import DataError, SettingError

fractions = st.floats(0.05, 0.95)
labels = st.lists(st.integers(0, 4), min_size=2, max_size=60)
grouped = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=2, max_size=40)


def split(numbers, fraction, groups=None, seed=0):
    rng = seeds.generator(seed, "split")
    train, validation = stratified_split(numbers, fraction, rng, groups)
    return train.tolist(), validation.tolist()


@given(labels.filter(lambda numbers: max(Counter(numbers).values()) > 1), fractions)
def test_each_class_is_split_as_close_to_the_fraction_as_it_can_be(numbers, fraction):
    train, validation = split(numbers, fraction)
    assert sorted(train + validation) == list(range(len(numbers)))
    assert train == sorted(train) and validation == sorted(validation)
    validated = Counter(numbers[position] for position in validation)
    for label, count in Counter(numbers).items():
        possible = range(1, count) if count > 1 else [0]
        nearest = min(abs(size - fraction * count) for size in possible)
        assert abs(validated[label] - fraction * count) == pytest.approx(nearest)


def squared_differences(numbers, validation, fraction):
    total = Counter(numbers)
    validated = Counter(numbers[position] for position in validation)
    return sum((validated[label] / total[label] - fraction) ** 2 for label in total)


def is_possible(numbers, groups, validated):
    """Every class is trained on."""
    left = {n for n, group in zip(numbers, groups, strict=True) if group not in validated}
    return left == set(numbers)


@given(grouped, fractions)
def test_groups_stay_whole_and_no_single_one_would_be_better_elsewhere(images, fraction):
    numbers, groups = map(list, zip(*images, strict=True))
    try:
        train, validation = split(numbers, fraction, groups)
    except DataError:
        assert not any(is_possible(numbers, groups, {group}) for group in set(groups))
        return
    validated = {groups[position] for position in validation}
    assert validated.isdisjoint(groups[position] for position in train)
    assert is_possible(numbers, groups, validated)
    covered = {numbers[position] for position in validation}
    reached = squared_differences(numbers, validation, fraction)
    for group in set(groups):
        other = validated ^ {group}
        positions = [place for place, name in enumerate(groups) if name in other]
        still_covered = {numbers[position] for position in positions}
        if is_possible(numbers, groups, other) and covered <= still_covered:
            assert squared_differences(numbers, positions, fraction) >= reached - 1e-9


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=2, max_size=40), fractions
)
def test_a_class_with_groups_of_its_own_is_on_both_sides_from_two_groups_on(images, fraction):
    numbers = [label for label, _ in images]
    spread = Counter(label for label, _ in set(images))
    if max(spread.values()) < 2:
        with pytest.raises(DataError, match="two groups"):
            split(numbers, fraction, images)
        return
    train, validation = split(numbers, fraction, images)
    assert {numbers[position] for position in train} == set(numbers)
    wanted = {label for label, groups in spread.items() if groups > 1}
    assert {numbers[position] for position in validation} == wanted


def test_one_group_per_image_reaches_what_no_groups_reach():
    numbers = [0] * 40 + [1] * 10 + [2] * 3
    for groups in (None, range(len(numbers))):
        _, validation = split(numbers, 0.2, groups)
        assert Counter(numbers[position] for position in validation) == {0: 8, 1: 2, 2: 1}


def test_the_generator_decides_and_nothing_else():
    numbers, groups = [0, 1] * 30, [place // 3 for place in range(60)]
    for grouping in (None, groups):
        first = split(numbers, 0.3, grouping)
        assert first == split(numbers, 0.3, grouping)
        assert any(first != split(numbers, 0.3, grouping, seed) for seed in range(1, 4))


def test_classes_tied_to_one_another_are_all_trained_on():
    # Each two of these groups share a class, so that no two sides can show all three.
    numbers, groups = [0, 0, 1, 1, 2, 2], ["a", "b", "b", "c", "c", "a"]
    train, validation = split(numbers, 0.3, groups)
    assert {numbers[position] for position in train} == {0, 1, 2}
    assert len({groups[position] for position in validation}) == 1


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_of_nothing_or_all_is_refused(fraction):
    with pytest.raises(SettingError, match="above 0 and below 1"):
        split([0, 0, 1, 1], fraction)


def test_nothing_to_validate_on_is_refused():
    with pytest.raises(DataError, match="none of 3 classes"):
        split([0, 1, 2], 0.5)
    with pytest.raises(DataError, match="two groups"):
        split([0, 0, 0], 0.5, ["a", "a", "a"])


pairs = st.integers(1, 12).flatmap(
    lambda count: st.lists(
        st.lists(st.integers(0, 4), min_size=count, max_size=count), min_size=1, max_size=3
    )
)


@given(pairs)
def test_linked_groups_are_the_connected_parts(groupings):
    found = linked(*groupings)
    count = len(groupings[0])
    together = np.eye(count, dtype=bool)
    for grouping in groupings:
        together |= np.equal.outer(grouping, grouping)
    for _ in range(count):  # reach as far as links go
        together = together @ together
    assert np.array_equal(np.equal.outer(found, found), together)
    assert all(number == found.index(number) for number in found)
