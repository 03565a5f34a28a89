"""Images as networks see them, against Pillow's decoding and resizing, one file at a time."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from rebalance.data.images import decode
from rebalance.errors import UnreadableImage
from rebalance.forward.reading import (
    Encoded,
    decode_on,
    read_or_leave,
    read_pixels,
    upright,
)
from rebalance.models.transforms import Transform

SIZES = [(200, 150), (64, 64), (56, 90), (40, 33), (1, 1), (1, 300), (101, 103)]


def transform(interpolation: str = "bilinear", fit: str = "crop") -> Transform:
    return Transform(64, 56, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), interpolation, fit)


def picture(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """Something of every scale."""
    rng = np.random.default_rng(size[0])
    small = rng.integers(0, 256, (max(2, size[1] // 7), max(2, size[0] // 7), 3), dtype=np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    return image.convert("RGB").convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_pillow(data: bytes, how: Transform) -> torch.Tensor:
    return how.image(decode(data))


def difference(one: torch.Tensor, other: torch.Tensor) -> tuple[int, float]:
    """The most levels that a pixel differs by, and the share of pixels that differ."""
    assert one.shape == other.shape
    levels = (one.int() - other.int()).abs()
    return int(levels.max()), float((levels > 0).float().mean())


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGB", {}), ("RGB", {"progressive": True}), ("RGB", {"subsampling": 0}), ("L", {})],
)
def test_jpegs_are_what_pillow_shows(interpolation, size, mode, options):
    how, data = transform(interpolation), encoded(picture(size, mode), **options)
    levels, share = difference(read_pixels(data, how), by_pillow(data, how))
    assert levels <= 1
    assert share < 0.02


@pytest.mark.parametrize("size", [(200, 150), (40, 33), (1, 300), (900, 40), (101, 103)])
def test_all_of_an_image_is_stretched_as_pillow_does_it(size):
    how, data = transform(fit="stretch"), encoded(picture(size))
    levels, share = difference(read_pixels(data, how), by_pillow(data, how))
    assert levels <= 1
    assert share < 0.02
    sized = encoded(decode(data).resize((56, 56), Image.Resampling.BILINEAR), "PNG")
    assert difference(read_pixels(data, how), read_pixels(sized, how))[0] <= 2


@pytest.mark.parametrize("orientation", range(10))
def test_photographs_stand_upright(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    data = encoded(picture((120, 90)), exif=exif)
    assert difference(read_pixels(data, transform()), by_pillow(data, transform()))[0] <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_pillow_turns(orientation):
    image = picture((12, 9))
    expected = decode(encoded(image, "PNG", exif=_exif(orientation)))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    turned = upright(pixels, orientation).permute(1, 2, 0)
    assert np.array_equal(turned.numpy(), np.asarray(expected))


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif


@pytest.mark.parametrize(
    "data",
    [
        encoded(picture((90, 70), "CMYK")),
        encoded(picture((90, 70), "P"), "PNG"),
        encoded(picture((90, 70), "RGBA"), "PNG"),
        encoded(picture((90, 70), "LA"), "PNG"),
        encoded(picture((90, 70), "1"), "PNG"),
        encoded(Image.fromarray(np.arange(6300, dtype=np.uint16).reshape(70, 90) * 10), "PNG"),
        encoded(picture((90, 70)), "BMP"),
        encoded(picture((90, 70)), "WEBP"),
    ],
    ids=["cmyk", "palette", "alpha", "grey and alpha", "1 bit", "16 bit", "bmp", "webp"],
)
def test_other_images_are_pillows_to_decode(data):
    levels, share = difference(read_pixels(data, transform()), by_pillow(data, transform()))
    assert levels <= 1
    assert share < 0.02


def verdict(read, data):
    try:
        return read(data, transform())
    except UnreadableImage as error:
        return str(error)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_what_is_cut_short_or_damaged_is_judged_as_before(options):
    data = encoded(picture((130, 97)), quality=80, **options)
    rng = np.random.default_rng(0)
    damaged = [data[:cut] for cut in (*range(2, len(data), len(data) // 40), len(data) - 2)]
    for _ in range(60):
        copy = bytearray(data)
        copy[int(rng.integers(2, len(copy)))] = int(rng.integers(256))
        damaged.append(bytes(copy))
    refused = 0
    for each in (*damaged, data + b"\0" * 9, data + b"more", b"", b"no image"):
        found, expected = verdict(read_pixels, each), verdict(by_pillow, each)
        if isinstance(expected, str):
            assert found == expected
            refused += 1
        else:
            assert not isinstance(found, str), found
            assert difference(found, expected)[0] <= 1
    assert refused > 20


@pytest.mark.parametrize("size", [(900, 1300), (1200, 800)])
def test_large_photographs_lose_next_to_nothing(size):
    noise = np.random.default_rng(0).normal(0, 6, (size[1], size[0], 3))
    image = Image.fromarray(np.clip(np.asarray(picture(size)) + noise, 0, 255).astype(np.uint8))
    data = encoded(image, quality=90)
    found, expected = read_pixels(data, transform()), by_pillow(data, transform())
    assert float((found.float() - expected.float()).pow(2).mean().sqrt()) < 1.5
    assert difference(found, expected)[0] <= 12  # of 255, where one square meets the next


def test_photographs_not_large_enough_for_that_lose_nothing():
    data = encoded(picture((383, 400)))
    assert difference(read_pixels(data, transform()), by_pillow(data, transform()))[0] <= 1


def test_large_photographs_are_left_to_the_device_when_whole():
    data = encoded(picture((1300, 1000)), exif=_exif(6))
    left = read_or_leave(data, transform())
    assert isinstance(left, Encoded)
    assert left.orientation == 6
    (found,) = decode_on("cpu", [left], transform())
    assert difference(found, read_pixels(data, transform()))[0] <= 4


@pytest.mark.parametrize(
    ("data", "interpolation"),
    [
        (encoded(picture((200, 150))), "bilinear"),
        (encoded(picture((1300, 1000), "CMYK")), "bilinear"),
        (encoded(picture((1300, 1000)), "PNG"), "bilinear"),
        (encoded(picture((1300, 1000))), "nearest"),
    ],
    ids=["small", "cmyk", "png", "nearest"],
)
def test_others_are_not_left(data, interpolation):
    how = transform(interpolation)
    assert torch.equal(read_or_leave(data, how), read_pixels(data, how))


def test_a_large_photograph_cut_short_is_refused_at_once():
    data = encoded(picture((1300, 1000)))
    with pytest.raises(UnreadableImage, match="truncated"):
        read_or_leave(data[: len(data) // 2], transform())


def test_a_device_says_what_it_cannot_decode():
    broken = Encoded(torch.zeros(100, dtype=torch.uint8), 1)
    with pytest.raises(RuntimeError):
        decode_on("cpu", [broken], transform())
