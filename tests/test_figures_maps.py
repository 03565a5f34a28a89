"""Maps and their charts: points lie where the page looks for them, and can be told apart."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rebalance.figures.canvas import MARKERS, PALETTE, as_png, as_svg, axes, few_colours
from rebalance.figures.clusterings import draw_quotas, draw_scores
from rebalance.figures.counts import draw_counts
from rebalance.figures.maps import HEIGHT, WIDTH, Map, draw_map, mark, marker_size

coordinates = st.floats(-1e4, 1e4, allow_nan=False).map(lambda value: round(value, 4))


def some_map(points, clusters=None, kept=None):
    points = np.asarray(points, float)
    return Map(
        points,
        np.zeros(len(points), int) if clusters is None else np.asarray(clusters),
        np.ones(len(points), bool) if kept is None else np.asarray(kept),
    )


def pixels(figure, scale=1):
    image = Image.open(io.BytesIO(as_png(figure, scale))).convert("RGB")
    return np.asarray(image).astype(int)


def texts(figure):
    return {text.strip() for text in ET.fromstring(as_svg(figure)).itertext() if text.strip()}


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=20))
def test_points_are_inside_the_figure_and_keep_their_proportions(points):
    data = some_map(points)
    at = data.fractions
    assert ((at > 0) & (at < 1)).all()
    on_figure = at * (WIDTH, HEIGHT)
    moved = on_figure - on_figure[0]
    wanted = (data.points - data.points[0]) * (1, -1)
    scale = np.abs(moved).max() / max(np.abs(wanted).max(), 1e-12)
    if np.abs(wanted).max() > 1e-3:
        assert np.allclose(moved, wanted * scale, atol=1e-3)
        extent = np.ptp(on_figure, axis=0) / (WIDTH, HEIGHT)
        assert extent.max() == pytest.approx(1 / 1.12, abs=1e-3)


def test_a_point_is_drawn_where_it_is_said_to_be():
    data = some_map([[0, 0], [10, 3], [10, -3], [3, 1]], [0, 1, 2, 3])
    image = pixels(draw_map(data))
    assert image.shape == (HEIGHT, WIDTH, 3)
    for (x, y), cluster in zip(data.fractions, data.clusters, strict=True):
        found = image[int(y * HEIGHT), int(x * WIDTH)]
        colour = [int(mark(cluster)[0][k : k + 2], 16) for k in (1, 3, 5)]
        assert np.abs(found - colour).max() < 30, cluster


def test_dropped_points_are_hollow_and_paler():
    points = [[0, 0], [10, 0], [0, 8], [10, 8]]
    data = some_map(points, kept=[True, False, True, False])
    image = pixels(draw_map(data), 2)
    darkness = []
    for x, y in data.fractions:
        left, top = int(x * WIDTH * 2), int(y * HEIGHT * 2)
        darkness.append((255 - image[top - 16 : top + 17, left - 16 : left + 17]).sum())
    assert min(darkness[0], darkness[2]) > 2 * max(darkness[1], darkness[3])
    x, y = data.fractions[1]
    assert (image[int(y * HEIGHT * 2), int(x * WIDTH * 2)] > 250).all()


def test_every_cluster_has_its_number_and_an_unknown_one_none():
    points = np.random.default_rng(0).normal(size=(50, 2))
    clusters = np.arange(50) % 5 - 1
    (plot,) = draw_map(some_map(points, clusters)).axes
    assert [text.get_text() for text in plot.texts] == ["0", "1", "2", "3"]


def test_81_clusters_differ_and_the_first_nine_in_both():
    marks = [mark(cluster) for cluster in range(81)]
    assert len(set(marks)) == 81
    assert {colour for colour, _ in marks[:9]} == set(PALETTE)
    assert {marker for _, marker in marks[:9]} == set(MARKERS)
    assert mark(-1) not in marks


def test_equal_maps_are_equal_files_and_many_points_stay_small():
    points = np.random.default_rng(1).normal(size=(50_000, 2))
    data = some_map(points, np.arange(50_000) % 4, np.arange(50_000) % 10 == 0)
    svg, png = as_svg(draw_map(data)), as_png(draw_map(data))
    assert svg == as_svg(draw_map(data))
    assert len(svg) < 1_500_000
    small = few_colours(png)
    assert len(small) < 250_000
    assert Image.open(io.BytesIO(small)).size == (2 * WIDTH, 2 * HEIGHT)


@given(st.integers(0, 10**6))
def test_more_points_never_have_larger_marks(count):
    assert 2.5 <= marker_size(count + 1) <= marker_size(count) <= 9


def test_few_colours_keeps_the_picture_and_puts_it_on_white():
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    clear.paste((200, 30, 60, 255), (5, 5, 15, 15))
    file = io.BytesIO()
    clear.save(file, "PNG")
    back = np.asarray(Image.open(io.BytesIO(few_colours(file.getvalue()))).convert("RGB"))
    assert (back[0, 0] == 255).all()
    assert np.abs(back[10, 10].astype(int) - (200, 30, 60)).max() <= 4


def test_few_colours_keeps_the_colour_of_a_small_cluster():
    rng = np.random.default_rng(0)
    clusters = np.concatenate([rng.integers(0, 4, 3000), np.arange(5) + 4])
    points = rng.normal(size=(3005, 2)) + np.stack([clusters % 3 * 9, clusters // 3 * 9], axis=1)
    data = some_map(points, clusters)
    png = as_png(draw_map(data))
    sides = [Image.open(io.BytesIO(file)).convert("RGB") for file in (png, few_colours(png))]
    exact, coarse = (np.asarray(side).astype(int) for side in sides)
    for x, y in (data.fractions[-5:] * (2 * WIDTH, 2 * HEIGHT)).astype(int):
        assert np.abs(exact[y, x] - coarse[y, x]).max() <= 16


def test_scores_show_every_k_and_ring_the_choice():
    scores = {"pool": {2: 0.5, 3: 0.7, 4: 0.1}, "body": {2: 0.2, 3: 0.3}}
    shown = texts(draw_scores(scores, "pool", 3, "gap", chance=0.4))
    assert {"2", "3", "4", "k = 3", "gap", "layer pool", "layer body", "chance"} <= shown
    assert "k = 7" not in texts(draw_scores(scores, "pool", 7))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=12))
def test_quotas_say_their_numbers(sizes):
    shown = texts(draw_quotas(sizes, [size // 2 for size in sizes]))
    assert {f"{size // 2} of {size}" for size in sizes} <= shown


@pytest.mark.parametrize("name", ["$a$", "_b", "<b>&", "x" * 300, "a\nb\x01", "\udcff", ""])
def test_names_of_classes_are_text_in_the_chart_of_counts(name):
    shown = texts(draw_counts({name: 3, "z": 2}, {name: 1, "z": 2}))
    assert "z" in shown
    ET.fromstring(as_svg(draw_counts({}, {name: 1})))
    if name in ("$a$", "_b", "<b>&"):
        assert name in shown


def test_a_thousand_classes_make_a_chart():
    counts = {f"class {place}": place for place in range(1000)}
    assert len(as_png(draw_counts(counts, counts), 1)) < 500_000


def test_names_in_any_letters_draw_without_a_word(recwarn):
    figure, plot = axes(200, 100)
    plot.set_title("漢字 🐈")
    assert as_png(figure).startswith(b"\x89PNG")
    assert "漢字".encode() in as_svg(figure)
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]
