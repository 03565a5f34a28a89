"""The figures of a report of runs: what is drawn is what was given, and can be told apart."""

import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import to_hex

from rebalance.figures import as_png, as_svg
from rebalance.figures.boundary import Boundary, draw_boundary
from rebalance.figures.boundary import coloured as coloured_classes
from rebalance.figures.confusion import NUMBERED, draw_confusion, row_shares
from rebalance.figures.curves import MARKS, Curve, draw_curves
from rebalance.figures.dots import NAMED, Dots, draw_dots, pooled
from rebalance.figures.ranking import RankingCurve, coloured, draw_precision_recall, draw_roc
from rebalance.figures.strokes import legible, stroke
from rebalance.metrics.ranking import Ranking

HOSTILE = ["$x$", "_hidden", "a\nb\x01", "eel\udcff", "<b>&", "n" * 300, ""]


def texts(svg: bytes) -> str:
    return " ".join(ET.fromstring(svg).itertext())


def matrix(classes: int) -> np.ndarray:
    return np.random.default_rng(classes).integers(1, 999, (classes, classes))


def test_runs_differ_in_colour_marker_and_dash() -> None:
    looks = [stroke(place) for place in range(45)]
    assert len({(look.colour, look.marker, str(look.dash)) for look in looks}) == 45
    for one, next_one in pairwise(looks):
        assert all(a != b for a, b in zip(one, next_one, strict=True))


@given(st.text(max_size=60))
def test_a_name_is_one_printable_line_without_mathematics(name: str) -> None:
    text = legible(name)
    assert text.isprintable()
    assert not text.startswith("_")
    assert len(text.replace(r"\$", "$")) <= 29
    assert text.count("$") == text.count(r"\$")


@pytest.mark.parametrize("draw", ["curves", "confusion", "dots", "ranking", "boundary"])
def test_any_name_gives_a_sound_file_and_the_same_each_time(draw: str) -> None:
    def figure():
        if draw == "ranking":
            line = np.linspace(0, 1, 5)
            return draw_roc([RankingCurve(name, line, line, 0.5) for name in HOSTILE])
        if draw == "boundary":
            places = np.arange(len(HOSTILE))
            return draw_boundary(Boundary(np.eye(len(HOSTILE), 2), places, places[::-1]), HOSTILE)
        if draw == "confusion":
            return draw_confusion(matrix(len(HOSTILE)), HOSTILE)
        if draw == "dots":
            rows = [Dots(name, k, [np.ones(len(HOSTILE))]) for k, name in enumerate(HOSTILE)]
            return draw_dots(HOSTILE, rows, "recall", 1.0)
        lines = [Curve(name, k, [1, 2], [0.5, 0.1]) for k, name in enumerate(HOSTILE)]
        return draw_curves(lines, "loss")

    svg = as_svg(figure())
    for shown in ("$x$", "_hidden", "<b>&", r"eel\udcff", r"a\nb\x01"):
        assert shown in texts(svg)
    assert as_svg(figure()) == svg
    assert as_png(figure()).startswith(b"\x89PNG")


def test_a_curve_has_its_values_and_hollow_marks_for_frozen_epochs() -> None:
    line = Curve("a", 1, [1, 2, 3, 4], [4.0, 3.0, 2.5, 1.0], frozen=3)
    (plot,) = draw_curves([line], "loss").axes
    whole, hollow, filled = plot.lines
    assert list(whole.get_ydata()) == line.values
    assert list(hollow.get_xdata()) == [1, 2, 3]
    assert hollow.get_markerfacecolor() == "white"
    assert list(filled.get_xdata()) == [4]
    assert filled.get_markerfacecolor() == stroke(1).colour == whole.get_color()
    assert [text.get_text() for text in plot.texts] == ["body frozen"]


def test_frozen_epochs_are_only_marked_where_there_are_any() -> None:
    (plot,) = draw_curves([Curve("", 0, [1, 2], [1.0, 0.5])], "loss").axes
    assert not plot.texts
    assert not plot.patches


@pytest.mark.parametrize("epochs", [1, 16, 17, 200])
def test_a_long_curve_is_not_covered_by_its_marks(epochs: int) -> None:
    numbers = list(range(1, epochs + 1))
    (plot,) = draw_curves([Curve("", 0, numbers, [1 / n for n in numbers])], "loss").axes
    line, _, marks = plot.lines
    assert len(line.get_xdata()) == epochs
    assert 1 <= len(marks.get_xdata()) <= MARKS


def test_a_legend_names_the_runs_unless_there_is_one() -> None:
    lines = [Curve("first", 0, [1], [1.0]), Curve("second", 1, [1], [2.0])]
    (legend,) = draw_curves(lines, "loss").legends
    assert [text.get_text() for text in legend.get_texts()] == ["first", "second"]
    assert not draw_curves([Curve("", 0, [1], [1.0])], "loss").legends


@given(
    st.integers(1, 6).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(0, 50), min_size=k, max_size=k), min_size=k, max_size=k
        )
    )
)
def test_row_shares_are_those_of_a_slow_loop(counts: list[list[int]]) -> None:
    shares = row_shares(counts)
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            expected = count / sum(line) if sum(line) else math.nan
            assert shares[row, column] == pytest.approx(expected, nan_ok=True)


def test_a_small_matrix_has_a_readable_count_in_every_cell() -> None:
    counts = np.array([[90, 10, 0], [0, 0, 0], [30, 30, 40]])
    plot = draw_confusion(counts, ["a", "b", "c"]).axes[0]
    told = {text.get_position(): text for text in plot.texts}
    assert {place: text.get_text() for place, text in told.items()} == {
        (0, 0): "90", (1, 0): "10", (2, 0): "0", (0, 2): "30", (1, 2): "30", (2, 2): "40",
    }  # fmt: skip
    assert told[0, 0].get_color() == "white"
    assert told[1, 0].get_color() == "black"
    assert [patch.get_hatch() for patch in plot.patches] == ["///"]  # nobody is a b


def test_a_large_matrix_has_no_numbers_and_a_huge_one_no_names() -> None:
    for classes, numbered, named in [
        (NUMBERED, True, True),
        (NUMBERED + 1, False, True),
        (61, False, False),
    ]:
        names = [f"class {number}" for number in range(classes)]
        plot = draw_confusion(matrix(classes), names).axes[0]
        assert bool(plot.texts) == numbered
        assert [label.get_text() for label in plot.get_yticklabels()] == (names if named else [])


def test_the_scale_of_the_matrix_falls_in_lightness_throughout() -> None:
    colours = colormaps["Blues"](np.linspace(0, 1, 64))[:, :3]
    lightness = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) < 0).all()
    shown = draw_confusion(matrix(3), "abc").axes[0].images[0]
    assert shown.get_cmap().name == "Blues"
    assert shown.get_clim() == (0, 1)


def test_dots_are_where_the_numbers_are_the_last_stage_filled() -> None:
    stages = [[0.1, 0.5, math.nan], [0.4, 0.5, math.nan]]
    (plot,) = draw_dots(["a", "b", "c"], [Dots("", 2, stages)], "recall", 1.0).axes
    marks = [line for line in plot.lines if line.get_marker() == stroke(2).marker]
    np.testing.assert_array_equal([line.get_xdata() for line in marks], stages)
    assert [line.get_markerfacecolor() for line in marks] == ["white", stroke(2).colour]
    (joins,) = plot.collections
    assert [tuple(path[:, 0]) for path in joins.get_segments()] == [(0.1, 0.4), (0.5, 0.5)]
    assert to_hex(joins.get_color()[0]).upper() == stroke(2).colour
    assert [label.get_text() for label in plot.get_yticklabels()] == ["a", "b", "c"]
    low, high = plot.get_ylim()
    assert low > high  # the first class at the top


def test_runs_have_lanes_of_their_own_within_the_row_of_a_class() -> None:
    runs = [Dots(str(place), place, [[0.5, 0.5]]) for place in range(5)]
    (plot,) = draw_dots(["a", "b"], runs, "recall", 1.0).axes
    lanes = np.array([line.get_ydata() for line in plot.lines if line.get_marker() != "None"])
    assert (np.diff(lanes[:, 0]) > 0.1).all()
    assert (np.abs(lanes - [0, 1]) < 0.5).all()


def test_of_very_many_classes_dots_are_means_of_neighbours() -> None:
    names = [f"class {number}" for number in range(NAMED + 1)]
    values = np.linspace(0, 1, NAMED + 1)
    figure = draw_dots(names, [Dots("", 0, [values])], "recall", 1.0)
    (plot,) = figure.axes
    places = plot.lines[0].get_xdata()
    assert len(places) == 21  # of three each, and the last of one
    np.testing.assert_allclose(plot.lines[0].get_ydata(), places / NAMED)
    assert "mean of 3" in plot.get_xlabel()
    assert "class 7" not in texts(as_svg(figure))
    assert figure.get_size_inches()[1] < 6


@given(
    st.integers(1, 30).flatmap(
        lambda k: st.lists(
            st.lists(st.none() | st.floats(0, 100), min_size=k, max_size=k), min_size=1, max_size=3
        )
    ),
    st.integers(1, 12),
)
def test_pooled_means_are_those_of_a_slow_loop(stages: list[list[float | None]], size: int) -> None:
    numbers = [[math.nan if value is None else value for value in stage] for stage in stages]
    found = pooled(numbers, size)
    for stage, means in zip(stages, found, strict=True):
        chunks = [stage[start : start + size] for start in range(0, len(stage), size)]
        known = [[value for value in chunk if value is not None] for chunk in chunks]
        expected = [math.fsum(each) / len(each) if each else math.nan for each in known]
        assert means.tolist() == pytest.approx(expected, nan_ok=True)


def test_gaps_of_zero_and_runs_without_any_number_are_drawn() -> None:
    runs = [Dots("a", 0, [[0.0, 0.0]]), Dots("b", 1, [[math.nan, math.nan]])]
    assert as_svg(draw_dots(["x", "y"], runs, "gap", None)).startswith(b"<?xml")


def test_a_companion_of_one_epoch_is_seen() -> None:
    (plot,) = draw_curves([Curve("training", 0, [1], [0.4], dotted=True)], "error", top=1.0).axes
    (line,) = plot.lines
    assert line.get_marker() == "."
    (plot,) = draw_curves([Curve("", 0, [1, 2], [0.4, 0.3], dotted=True)], "error", top=1.0).axes
    assert plot.lines[0].get_marker() == "None"


def test_of_many_curves_those_with_the_smallest_areas_stand_out() -> None:
    line, areas = np.linspace(0, 1, 5), np.random.default_rng(0).permutation(100) / 100
    curves = [RankingCurve(f"class {k}", line, line, area) for k, area in enumerate(areas)]
    assert sorted(areas[coloured(curves)]) == [k / 100 for k in range(8)]
    assert coloured(curves[:8]) == list(range(8))
    told = texts(as_svg(draw_precision_recall(curves)))
    assert "92 more, with larger areas" in told
    assert told.count("class ") == 8
    (plot,) = draw_roc(curves).axes
    assert len(plot.lines) == 100 + 2  # the legend's grey line, and chance


def test_the_area_of_a_drawn_curve_is_the_one_in_its_legend() -> None:
    rng = np.random.default_rng(0)
    ranking = Ranking.of(rng.integers(0, 20, 200) / 20, rng.random(200) < 0.3)
    x, y = ranking.roc_curve
    assert np.trapezoid(y, x) == pytest.approx(ranking.roc_auc)
    recall, precision = ranking.precision_recall_curve
    steps = np.diff(recall) * precision[1:]  # as it is drawn: held to the left
    assert steps.sum() == pytest.approx(ranking.average_precision)


def test_a_mistake_has_the_rim_of_the_class_it_was_given() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    data = Boundary(points, np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    (plot,) = draw_boundary(data, ["cat", "dog"]).axes
    drawn = {tuple(x): line for line in plot.lines for x in line.get_xydata().tolist()}
    wrong, right = drawn[1.0, 0.0], drawn[0.0, 0.0]
    assert to_hex(wrong.get_markerfacecolor()) == to_hex(right.get_markerfacecolor())
    assert to_hex(wrong.get_markeredgecolor()) == to_hex(drawn[0.0, 1.0].get_markerfacecolor())
    assert wrong.get_markersize() > right.get_markersize()
    assert right.get_markeredgewidth() == 0


def test_of_many_classes_those_with_most_mistakes_have_a_colour() -> None:
    labels = np.repeat(np.arange(20), 3)
    given = np.where(labels < 8, (labels + 1) % 8, labels)
    assert coloured_classes(Boundary(np.zeros((60, 2)), labels, given), 20) == list(range(8))
