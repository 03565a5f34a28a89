"""Operations on images, each held against a slow loop over pixels."""

import math

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from rebalance.data.operations import OPERATIONS, operate, read_operations
from rebalance.errors import SettingError


@pytest.fixture(scope="module")
def image() -> Image.Image:
    """A smooth picture, not square, with a lopsided bright corner."""
    down, right = np.mgrid[0:14, 0:19]
    waves = [np.sin(down / a + right / b) for a, b in ((3, 5), (4, 2.5), (6, -3))]
    values = 120 + 90 * np.stack(waves, axis=-1)
    values[:4, :5] += 40
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)


def folded(place: int, size: int) -> int:
    """The place in an image of that size whose mirror images lie on and on beside it."""
    place %= 2 * size
    return place if place < size else 2 * size - 1 - place


def shown(values: np.ndarray, source) -> np.ndarray:
    """What an image shows of which each pixel lies elsewhere: ``source`` says where, by x and y."""
    height, width, _ = values.shape
    found = np.empty_like(values)
    for row in range(height):
        for column in range(width):
            x, y = source(column + 0.5 - width / 2, row + 0.5 - height / 2)
            x, y = x + width / 2 - 0.5, y + height / 2 - 0.5
            left, top = math.floor(x), math.floor(y)
            total = np.zeros(3)
            for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
                share = (1 - abs(x - left - i)) * (1 - abs(y - top - j))
                total += share * values[folded(top + j, height), folded(left + i, width)]
            found[row, column] = total
    return found


def turned(degrees):
    across, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    # Rows count downwards: what turns anticlockwise comes from clockwise of it.
    return lambda x, y: (across * x - up * y, up * x + across * y)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("rotate=12.5", turned(12.5)),
        ("rotate=-100", turned(-100)),
        ("rotate=0", lambda x, y: (x, y)),
        ("scale=1.25", lambda x, y: (x / 1.25, y / 1.25)),
        ("scale=0.3", lambda x, y: (x / 0.3, y / 0.3)),
        ("shift=0.21:-0.4", lambda x, y: (x - 0.21 * 19, y + 0.4 * 14)),
        ("flip", lambda x, y: (-x, y)),
        ("vflip", lambda x, y: (x, -y)),
    ],
)
def test_what_moves_shows_what_lies_elsewhere_and_mirrors_at_borders(image, text, source):
    found = pixels(operate(image, None, text))
    assert np.abs(found - shown(pixels(image), source)).max() < 1.001  # Pillow rounds down


def test_a_quarter_turn_is_anticlockwise(image):
    square = image.crop((0, 0, 12, 12))
    assert np.array_equal(operate(square, None, "rotate=90"), np.rot90(np.asarray(square)))


@pytest.mark.parametrize("factor", [0, 0.7, 1, 1.6])
def test_brightness_and_contrast_are_sums_of_products(image, factor):
    factor = factor or 0.001
    values = pixels(image)
    brighter = pixels(operate(image, None, f"brightness={factor}"))
    assert np.abs(brighter - (values * factor).clip(0, 255)).max() <= 1
    grey = round((values @ [0.299, 0.587, 0.114]).mean())
    sharper = pixels(operate(image, None, f"contrast={factor}"))
    assert np.abs(sharper - (grey + factor * (values - grey)).clip(0, 255)).max() <= 2


def test_blur_is_a_gaussian_by_the_shorter_side(image):
    found = pixels(operate(image, None, "blur=0.1"))
    wanted = gaussian_filter(pixels(image), (1.4, 1.4, 0), mode="nearest")
    assert np.abs(found - wanted).mean() < 1.5 < np.abs(pixels(image) - wanted).mean()


def test_noise_is_that_of_its_seed_value_by_value(image):
    found, rng = pixels(operate(image, None, "noise=0.1:17")), np.random.default_rng(17)
    for row in range(14):
        for column in range(19):
            for channel in range(3):
                value = float(np.asarray(image)[row, column, channel])
                value += 25.5 * float(rng.standard_normal(dtype=np.float32))
                assert abs(found[row, column, channel] - min(max(value, 0), 255)) <= 0.51
    assert not np.array_equal(found, operate(image, None, "noise=0.1:18"))


@pytest.mark.parametrize(
    "box", [(0.1, 0.2, 0.6, 0.8), (0, 0, 1, 1), (0.5, 0, 0.5, 1), (0, 0, 1, 0.5)]
)
def test_a_box_is_pasted_at_its_place_on_a_partner_stretched_to_the_size(image, box):
    partner = Image.effect_mandelbrot((30, 9), (-2, -1.5, 1, 1.5), 9).convert("RGB")
    text = "paste=" + ":".join(map(str, box))
    found = pixels(operate(image, partner, text))
    behind = pixels(partner.resize(image.size, Image.Resampling.BILINEAR))
    left, top, right, bottom = (
        round(share * side) for share, side in zip(box, (19, 14, 19, 14), strict=True)
    )
    for row in range(14):
        for column in range(19):
            inside = left <= column < right and top <= row < bottom
            wanted = pixels(image) if inside else behind
            assert np.array_equal(found[row, column], wanted[row, column])
    assert partner.size == (30, 9)


def test_operations_follow_one_another_and_leave_the_image_alone(image):
    before = image.tobytes()
    found = operate(image, None, "flip, rotate=9,noise=0.02:5")
    one = operate(operate(operate(image, None, "flip"), None, "rotate=9"), None, "noise=0.02:5")
    assert found.tobytes() == one.tobytes()
    assert image.tobytes() == before and found.size == image.size and found.mode == "RGB"


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2)])
def test_the_smallest_images_keep_their_size(size):
    image, numbers = Image.new("RGB", size, (9, 80, 200)), {float: "0.5", int: "3"}
    for name, operation in OPERATIONS.items():
        told = ":".join(numbers[kind] for kind, _ in operation.numbers)
        partner = image if operation.takes_partner else None
        text = f"{name}={told}" if told else name
        assert operate(image, partner, text).size == size, text


@pytest.mark.parametrize(
    ("text", "partner", "message"),
    [
        ("", False, "no operation ''"),
        ("warp=3", False, "no operation 'warp', only paste, flip"),
        ("flip=1", False, "flip takes 0 numbers; got 'flip=1'"),
        ("rotate", False, "rotate takes 1 numbers; got 'rotate'"),
        ("shift=.1", False, "shift takes 2 numbers"),
        ("rotate=north", False, "rotate: a number must be"),
        ("noise=nan:3", False, "noise: a number must be"),
        ("noise=.1:1.5", False, "noise: a number must be"),
        ("paste=0:0:2:1", True, "paste: a number must be"),
        ("paste=0:0:1:1", False, "names no partner to paste on"),
        ("flip", True, "looks at no partner, and has one"),
    ],
)
def test_what_cannot_be_followed_is_one_line(text, partner, message):
    with pytest.raises(SettingError, match=message) as raised:
        read_operations(text, has_partner=partner)
    assert "\n" not in str(raised.value)
