"""The interval plot: what it shows, and where it ends."""

import pytest

from rebalance.figures import as_svg
from rebalance.figures.forest import Estimate, draw_forest, reach

ROWS = [
    Estimate("subclass", 0.05, (0.02, 0.08), (0.01, 0.09), 1),
    Estimate("focal $loss$", -0.04, (-0.06, -0.02), (-0.07, -0.01), -1),
    Estimate("ros", 0.001, None, None, 0),
]


def test_it_shows_every_row_and_its_axis() -> None:
    svg = as_svg(draw_forest(ROWS, "G-mean, difference")).decode()
    for text in ("subclass", "focal $loss$", "ros", "G-mean, difference"):
        assert text in svg
    assert as_svg(draw_forest(ROWS, "G-mean, difference")).decode() == svg


def test_lines_and_marks_are_where_the_numbers_are() -> None:
    plot = draw_forest(ROWS, "x").axes[0]
    spans = [segment[:, 0].tolist() for each in plot.collections for segment in each.get_segments()]
    assert spans == [list(both) for row in ROWS for both in (row.together, row.alone) if both]
    marks = [line for line in plot.lines if line.get_marker() in "^vo"]
    assert [mark.get_xdata()[0] for mark in marks] == [row.value for row in ROWS]
    assert [mark.get_marker() for mark in marks] == ["^", "v", "o"]


def test_all_is_in_reach() -> None:
    low, high = reach(ROWS)
    assert low < -0.07
    assert high > 0.09


def test_an_interval_without_pairs_enough_does_not_flatten_the_others() -> None:
    low, high = reach([*ROWS, Estimate("wide", 0.0, (-9, 9), (-90, 90), 0)])
    assert high - low < 1


@pytest.mark.parametrize("value", [0.0, 0.3, -2.0])
def test_a_value_without_an_interval_and_zero_are_in_reach(value: float) -> None:
    low, high = reach([Estimate("only", value, None, None, 0)])
    assert low < min(0, value)
    assert high > max(0, value)
