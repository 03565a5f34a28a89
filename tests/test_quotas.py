"""Shares of a number of samples, against exact fractions and a loop that gives them out."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rebalance.quotas import apportion, fill_up

shares_and_total = st.tuples(
    st.lists(st.integers(0, 12), min_size=1, max_size=12).filter(any), st.integers(0, 500)
)
sizes_and_count = st.tuples(
    st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 100)
)


def largest_remainder(shares: list[int], total: int) -> list[int]:
    exact = [Fraction(share * total, sum(shares)) for share in shares]
    quotas = [floor(value) for value in exact]
    by_remainder = sorted(range(len(shares)), key=lambda i: (quotas[i] - exact[i], i))
    for i in by_remainder[: total - sum(quotas)]:
        quotas[i] += 1
    return quotas


def raised_one_level_at_a_time(sizes: list[int], count: int) -> list[int]:
    """The lowest clusters rise together; the last few samples go to those that were largest."""
    current = list(sizes)
    while count:
        lowest = [i for i, size in enumerate(current) if size == min(current)]
        lowest.sort(key=lambda i: (-sizes[i], i))
        for i in lowest[:count]:
            current[i] += 1
        count -= min(count, len(lowest))
    return [after - before for after, before in zip(current, sizes, strict=True)]


@given(shares_and_total)
@example(([1, 1, 1], 2))
def test_apportioned_equals_exact_fractions(case: tuple[list[int], int]) -> None:
    shares, total = np.array(case[0]), case[1]
    before = shares.copy()
    quotas = apportion(shares, total)
    assert quotas.tolist() == largest_remainder(*case)
    assert quotas.sum() == total
    assert not quotas[shares == 0].any()
    np.testing.assert_array_equal(shares, before)


def test_apportioned_where_rounding_each_share_would_miss_the_total() -> None:
    assert np.rint(np.full(3, 10 / 3)).sum() == 9
    assert apportion(np.ones(3, int), 10).tolist() == [4, 3, 3]


@pytest.mark.parametrize(("shares", "total"), [([], 3), ([0, 0], 3), ([1, -1], 3), ([1], -1)])
def test_shares_that_cannot_be_are_refused(shares: list[int], total: int) -> None:
    with pytest.raises(ValueError, match="a total from 0 up"):
        apportion(np.array(shares, int), total)


@given(sizes_and_count)
def test_raised_clusters_equal_a_loop(case: tuple[list[int], int]) -> None:
    sizes, count = case
    before = list(sizes)
    added = fill_up(sizes, count)
    assert added == raised_one_level_at_a_time(sizes, count)
    assert sum(added) == count
    assert min(added) >= 0
    assert sizes == before


@pytest.mark.parametrize(
    ("sizes", "count", "added"),
    [
        ([10, 4, 4], 12, [0, 6, 6]),
        ([10, 4, 4], 3, [0, 2, 1]),
        ([3, 10, 4], 4, [2, 0, 2]),
        ([10, 4, 5], 20, [3, 9, 8]),
        ([7], 5, [5]),
        ([7, 2], 0, [0, 0]),
    ],
)
def test_raised_clusters_by_hand(sizes: list[int], count: int, added: list[int]) -> None:
    assert fill_up(sizes, count) == added


@pytest.mark.parametrize(("sizes", "count"), [([], 3), ([2, -1], 3), ([2], -1)])
def test_clusters_that_cannot_be_raised_are_refused(sizes: list[int], count: int) -> None:
    with pytest.raises(ValueError, match="cannot be raised"):
        fill_up(sizes, count)
