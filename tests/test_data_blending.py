"""Blends of images, against a slow loop and at the ends of the range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rebalance.data.blending import blend
from rebalance.errors import SettingError

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
seeds = st.integers(0, 2**32 - 1)


def noise(size: tuple[int, int], seed: int) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    return Image.fromarray(values)


@given(sizes, seeds, seeds, st.floats(0, 1))
def test_every_value_is_the_formula_rounded(size, first, second, weight):
    base, partner = noise(size, first), noise(size, second)
    mixed = blend(base, partner, weight)
    assert (mixed.mode, mixed.size) == ("RGB", size)
    triples = zip(base.tobytes(), partner.tobytes(), mixed.tobytes(), strict=True)
    for of_base, of_partner, found in triples:
        # float32 may decide a tie, and nothing more.
        assert abs((1 - weight) * of_base + weight * of_partner - found) <= 0.5 + 1e-4


@given(sizes, sizes, seeds)
def test_the_ends_are_exact(size, other, seed):
    base, partner = noise(size, seed), noise(other, seed + 1)
    resized = partner if other == size else partner.resize(size, Image.Resampling.BILINEAR)
    assert blend(base, partner, 0.0).tobytes() == base.tobytes()
    assert blend(base, partner, 1.0).tobytes() == resized.tobytes()


def test_a_blend_of_an_image_with_itself_is_the_image():
    image = noise((64, 64), 0)
    for weight in np.random.default_rng(0).random(50):
        assert blend(image, image.copy(), weight).tobytes() == image.tobytes()


def test_a_partner_that_shrinks_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    shrunk = np.asarray(blend(noise((4, 4), 0), Image.fromarray(stripes), 1.0))
    assert abs(shrunk.astype(int) - 127).max() <= 16


def test_the_images_are_not_modified():
    base, partner = noise((5, 4), 1), noise((7, 3), 2)
    before = base.tobytes(), partner.tobytes()
    result = blend(base, partner, 0.0)
    result.putpixel((0, 0), (1, 2, 3))
    assert (base.tobytes(), partner.tobytes()) == before


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_weight_outside_of_the_range_is_refused(weight):
    with pytest.raises(SettingError, match="between 0 and 1"):
        blend(noise((2, 2), 0), noise((2, 2), 1), weight)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "F"])
def test_other_modes_are_refused(mode):
    with pytest.raises(SettingError, match=f"got {mode}"):
        blend(noise((2, 2), 0).convert("L").convert(mode), noise((2, 2), 1), 0.5)
    with pytest.raises(SettingError, match=f"got {mode}"):
        blend(noise((2, 2), 1), noise((2, 2), 0).convert("L").convert(mode), 0.5)
