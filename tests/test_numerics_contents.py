"""Equal samples: against slow loops, in any order, in blocks, whatever the precision."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rebalance.numerics import contents as module
from rebalance.numerics.comparison import project
from rebalance.numerics.contents import Contents, contents_of
from rebalance.numerics.pca import InMemory

RNG = np.random.default_rng


def slow(rows: list[Any]) -> tuple[list[int], list[int], list[int]]:
    """The content of each row, the first of each content, and how many equal ones come before."""
    first: list[int] = []
    of, ranks = [], []
    for place, row in enumerate(rows):
        equal = [number for number, other in enumerate(first) if rows[other] == row]
        if not equal:
            first.append(place)
        of.append(equal[0] if equal else len(first) - 1)
        ranks.append(of[:-1].count(of[-1]))
    return of, first, ranks


def assert_like_slow(found: Contents, rows: list[Any]) -> None:
    of, first, ranks = slow(rows)
    assert found.of.tolist() == of
    assert found.first.tolist() == first
    assert found.ranks.tolist() == ranks
    assert found.repeat == (len(first) < len(rows))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, 2.5])] * 2), max_size=30),
    st.integers(0, 2**31),
)
def test_equal_rows_as_a_slow_loop_finds_them(
    kind: type, rows: list[tuple[float, float]], seed: int
) -> None:
    values = np.array(rows, kind).reshape(len(rows), 2)
    found = contents_of(InMemory(values))
    assert_like_slow(found, rows)
    labels = RNG(seed).integers(-1, 2, len(rows))
    assert_like_slow(found.within(labels), list(zip(rows, labels.tolist(), strict=True)))


def test_the_order_only_renumbers() -> None:
    values = RNG(0).integers(0, 3, (50, 3)).astype(np.float32)
    order = RNG(1).permutation(50)
    found, shuffled = contents_of(InMemory(values)), contents_of(InMemory(values[order]))
    together = found.of[:, None] == found.of
    np.testing.assert_array_equal(
        together[np.ix_(order, order)], shuffled.of[:, None] == shuffled.of
    )


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values: NDArray[np.float16] = RNG(0).integers(0, 3, (50, 3)).astype(np.float16)
    whole = contents_of(InMemory(values))
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(contents_of(InMemory(values)).of, whole.of)


def test_one_unit_in_the_last_place_is_a_difference() -> None:
    values = np.ones((3, 300), np.float16)
    values[1, 299] = np.nextafter(np.float16(1), np.float16(2))
    assert contents_of(InMemory(values)).of.tolist() == [0, 1, 0]


def test_samples_may_all_be_different() -> None:
    assert_like_slow(Contents.all_of(4), [1, 2, 3, 4])


def test_equal_samples_are_the_same_point_and_count_once_in_the_space() -> None:
    values = np.abs(RNG(0).normal(size=(700, 90))).astype(np.float16)
    content = np.concatenate([np.arange(700), np.full(900, 3), np.arange(40)])
    points = project(InMemory(values[content]), RNG(0))
    np.testing.assert_array_equal(points, project(InMemory(values), RNG(0))[content])
