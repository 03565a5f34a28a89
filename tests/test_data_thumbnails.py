"""Small pictures: whole, upright, in order, and a cross where there is none."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rebalance.data.images import decode
from rebalance.data.thumbnails import (
    GROUND,
    PAPER,
    as_jpeg,
    cross,
    fitted,
    read_small,
    read_tile,
    read_tiles,
    sheet,
    shrunk,
)
from rebalance.errors import UnreadableImage


def photo(width, height):
    """A smooth picture, as JPEG likes them."""
    down, across = np.mgrid[0:height, 0:width]
    parts = [127 + 120 * np.sin(across / 50 + k) * np.cos(down / 70 - k) for k in range(3)]
    return Image.fromarray(np.stack(parts, axis=-1).astype(np.uint8))


@given(st.integers(1, 90), st.integers(1, 90), st.integers(8, 40))
@settings(max_examples=40, deadline=None)
def test_an_image_is_whole_in_the_middle_of_its_tile(width, height, side):
    tile = fitted(Image.new("RGB", (width, height), (200, 0, 0)), side)
    assert tile.shape == (side, side, 3)
    red = (tile == (200, 0, 0)).all(axis=-1)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    expected = [max(1, round(side * edge / max(width, height))) for edge in (height, width)]
    assert [len(rows), len(columns)] == expected
    for places in (rows, columns):
        assert abs(places[0] - (side - 1 - places[-1])) <= 1
    assert (tile[~red] == GROUND).all()


def test_tiles_keep_their_order_whatever_the_workers(make_folder, tmp_path):
    root = make_folder(tmp_path / "data", {"a": 30}, (20, 10))
    (root / "a" / "zz.png").write_bytes(b"text")
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    names += ["a/none.png", "a/000.png"]
    tiles = read_tiles(root, names, 16, 0)
    assert np.array_equal(tiles, read_tiles(root, names, 16, 3))
    for name, tile in zip(names, tiles, strict=True):
        assert np.array_equal(tile, read_tile(root / name, 16))
    assert np.array_equal(tiles[-2], cross(16)) and np.array_equal(tiles[-3], cross(16))
    assert np.array_equal(tiles[-1], tiles[0])
    assert read_tiles(root, [], 16, 2).shape == (0, 16, 16, 3)


@pytest.mark.parametrize("side", [8, 16, 48, 96])
def test_a_cross_can_be_seen_and_an_image_is_none(side):
    tile = cross(side)
    assert (tile[0, 0] == GROUND).all()
    assert (tile != GROUND).any(axis=-1).sum() >= side / 2


def test_tiles_are_upright(tmp_path):
    image = Image.new("RGB", (40, 20), "blue")
    image.paste((255, 0, 0), (0, 0, 20, 20))  # the left half, and once turned the upper one
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    tile = read_tile(tmp_path / "turned.png", 20).astype(int)
    assert tile[3, 10, 0] > 200 and tile[16, 10, 2] > 200
    assert (tile[:, 0] == GROUND).all()


@pytest.mark.parametrize("size", [(1200, 800), (300, 1100), (100, 70), (2000, 16)])
def test_reading_at_a_reduced_size_shows_the_same(tmp_path, size):
    photo(*size).save(tmp_path / "p.jpg", quality=95)
    small = read_small(tmp_path / "p.jpg", 64)
    assert max(small.size) >= min(128, max(size))
    if min(size) > 200:
        assert max(small.size) < max(size)
    full = fitted(decode((tmp_path / "p.jpg").read_bytes()), 64).astype(int)
    # A side may be a pixel off, for the reduced one is rounded; other pictures are 60 apart.
    assert np.abs(fitted(small, 64).astype(int) - full).mean() < 5


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_a_reduced_jpeg_keeps_the_pixels_asked_for(width, height, least):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "JPEG")
    assert max(decode(file.getvalue(), least).size) >= min(least, max(width, height))
    assert decode(file.getvalue()).size == (width, height)


def test_a_cut_jpeg_is_unreadable_at_any_size(tmp_path):
    file = io.BytesIO()
    photo(600, 600).save(file, "JPEG")
    cut = file.getvalue()[: len(file.getvalue()) // 2]
    for least in (None, 32):
        with pytest.raises(UnreadableImage, match="truncated"):
            decode(cut, least)
    (tmp_path / "cut.jpg").write_bytes(cut)
    assert read_small(tmp_path / "cut.jpg", 16) is None


@given(st.integers(1, 13), st.integers(1, 6), st.integers(0, 3), st.integers(2, 6))
@settings(deadline=None)
def test_a_sheet_is_its_tiles_in_rows(count, columns, gap, side):
    tiles = np.random.default_rng(count).integers(0, 250, (count, side, side, 3), np.uint8)
    found = np.asarray(sheet(tiles, columns, gap))
    rows = (count + columns - 1) // columns
    assert found.shape == (rows * (side + gap) - gap, columns * (side + gap) - gap, 3)
    left = np.ones(found.shape[:2], bool)
    for place in range(count):
        top, start = place // columns * (side + gap), place % columns * (side + gap)
        assert np.array_equal(found[top : top + side, start : start + side], tiles[place])
        left[top : top + side, start : start + side] = False
    assert (found[left] == PAPER).all()


def test_a_sheet_needs_tiles():
    with pytest.raises(ValueError, match="at least one"):
        sheet(np.zeros((0, 4, 4, 3), np.uint8), 3)
    with pytest.raises(ValueError, match="at least one"):
        sheet(np.zeros((2, 4, 4, 3), np.uint8), 0)


def test_tiles_shrink_to_their_colours():
    tiles = np.stack([np.full((32, 32, 3), value, np.uint8) for value in (10, 200)])
    assert np.array_equal(shrunk(tiles, 8), tiles[:, :8, :8])
    assert shrunk(tiles, 32) is tiles


def test_equal_images_are_equal_files_and_quality_costs_bytes():
    image = photo(200, 200)
    assert as_jpeg(image) == as_jpeg(image.copy())
    assert len(as_jpeg(image, 20)) < len(as_jpeg(image, 90))
    back = np.asarray(Image.open(io.BytesIO(as_jpeg(image, 90)))).astype(int)
    assert np.abs(back - np.asarray(image)).mean() < 4
