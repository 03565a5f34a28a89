"""depth: 16 bits, floats and their scale, of grey and of colours, as files have them."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rebalance.data import depth
from rebalance.data.images import decode, levels_in, measure, open_image
from rebalance.data.levels import EACH_ALONE, DepthScale, Levels
from rebalance.data.scales import scale_of
from rebalance.data.survey import probe

RNG = np.random.default_rng(0)
TWELVE = DepthScale((0, 4095))
VALUES = np.array([[0, 1, 8, 2047, 2048, 4094, 4095]], np.uint16)
AS_8_BITS = np.rint(VALUES * (255 / 4095)).astype(int)


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png16(pixels: np.ndarray, extra: bytes = b"") -> bytes:
    """A PNG file of 16 bits a sample; pixels: uint16 [height, width] or [height, width, bands]."""
    height, width, *bands = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[bands[0] if bands else 1]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
    body = header + extra + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def tiff(samples: bytes, size: tuple[int, int], bits: list[int], order: str, packed: bool) -> bytes:
    """A TIFF file of one strip; order: < or >; packed: by zlib, which is libtiff's to read."""
    data = zlib.compress(samples) if packed else samples
    many = len(bits) > 1
    count = struct.pack(f"{order}{len(bits)}H", *bits)
    after = 8 + 2 + 10 * 12 + 4
    tags = [(256, 4, 1, size[0]), (257, 4, 1, size[1]), (258, 3, len(bits), after)]
    tags += [(259, 3, 1, 8 if packed else 1), (262, 3, 1, 2 if many else 1)]
    tags += [(273, 4, 1, after + len(count)), (277, 3, 1, len(bits)), (278, 4, 1, size[1])]
    tags += [(279, 4, 1, len(data)), (284, 3, 1, 1)]
    found = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    for tag, kind, number, value in tags:
        if tag == 258 and not many:
            value = bits[0]
        short = kind == 3 and number == 1
        form = f"{order}HHIHxx" if short else f"{order}HHII"
        found += struct.pack(form, tag, kind, number, value)
    return found + struct.pack(f"{order}I", 0) + count + data


def array(data: bytes, scale: DepthScale = EACH_ALONE) -> np.ndarray:
    image = decode(data, scale=scale)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "tiff_lzw", ">"])
def test_grey_of_fewer_bits_is_as_bright_as_it_was(bits: int, kind: str) -> None:
    values = RNG.integers(0, 2**bits, (9, 13), np.uint16)
    stored = values.astype(">u2") if kind == ">" else values
    options = {"compression": kind} if kind.startswith("tiff") else {}
    data = encode(Image.fromarray(stored), "PNG" if kind == "PNG" else "TIFF", **options)
    scale = DepthScale.of([measure(data), Levels(0, 2**bits - 1)])
    found = array(data, scale)
    assert (found == np.rint(values * (255 / (2**bits - 1)))[..., None]).all()
    assert array(data).max() < 255 // 3  # alone it is dark


@pytest.mark.parametrize("bands", [2, 3, 4])
def test_colours_and_alpha_of_png(bands: int) -> None:
    pixels = RNG.integers(0, 4096, (5, 7, bands), np.uint16)
    if bands in (2, 4):
        pixels[..., -1] = 65535  # opaque: alpha has all 16 bits
    assert measure(png16(pixels)) == Levels(0, 4095)
    colours = pixels[..., : bands - 1 + bands % 2]
    expected = np.rint(colours * (255 / 4095))
    assert (array(png16(pixels), TWELVE) == expected).all()
    if bands == 4:
        pixels[..., -1] = 4095  # opaque too, by the same depth
        assert (array(png16(pixels), TWELVE) == expected).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
def test_colours_of_tiff(order: str, packed: bool) -> None:
    pixels = RNG.integers(0, 4096, (5, 7, 3), np.uint16)
    data = tiff(pixels.astype(f"{order}u2").tobytes(), (7, 5), [16] * 3, order, packed)
    assert (array(data, TWELVE) == np.rint(pixels * (255 / 4095))).all()
    assert (array(data) == pixels >> 8).all()


def test_colours_of_few_bits_count_into_the_set() -> None:
    assert measure(png16(np.full((2, 2, 3), 200, np.uint16))) == Levels(0, 255)
    assert measure(png16(np.full((2, 2, 3), 600, np.uint16))) == Levels(0, 767)


@pytest.mark.parametrize("packed", [False, True])
def test_tiff_of_12_bits_says_what_is_white(packed: bool) -> None:
    packed_rows = bytes([0x00, 0x0F, 0xFF, 0x80, 0x08, 0x00])  # 0, 4095, 2048, 2048
    data = tiff(packed_rows, (4, 1), [12], "<", packed)
    assert measure(data) == Levels(0, 4095, white=4095)
    for scale in (EACH_ALONE, DepthScale((0, 65535))):
        assert array(data, scale)[0, :, 0].tolist() == [0, 255, 128, 128]


@pytest.mark.parametrize("tag", [281, 341])
def test_a_tag_of_tiff_says_what_is_white(tag: int) -> None:
    dark = Image.fromarray(VALUES // 4)
    assert measure(encode(dark, "TIFF", tiffinfo={tag: 4095})) == Levels(0, 1023, white=4095)
    # A statistic is no depth, and one that a pixel exceeds is wrong.
    assert measure(encode(dark, "TIFF", tiffinfo={tag: 1000})) == Levels(0, 1023)
    assert measure(encode(dark, "TIFF", tiffinfo={tag: 511})) == Levels(0, 1023)


def test_pgm_says_what_is_white() -> None:
    data = b"P5 7 1 4095\n" + VALUES.astype(">u2").tobytes()
    assert array(data)[..., 0].tolist() == AS_8_BITS.tolist()
    assert DepthScale.of([measure(data)]) == EACH_ALONE
    raw = b"P5 7 1 65535\n" + VALUES.astype(">u2").tobytes()
    assert DepthScale.of([measure(raw)]) == TWELVE


def test_png_says_how_many_bits_count() -> None:
    dark = VALUES // 8
    said = png16(dark, chunk(b"sBIT", b"\x0c"))
    assert (DepthScale.of([measure(png16(dark))]).integers or ())[1] == 1023
    assert DepthScale.of([measure(said)]) == TWELVE


def test_floats_of_a_set_are_scaled_alike() -> None:
    files = [
        encode(Image.fromarray(np.array([[0, high / 2, high]], np.float32)), "TIFF")
        for high in (1000, 4000)
    ]
    scale = DepthScale.of(map(measure, files))
    assert [array(data, scale)[0, :, 0].tolist() for data in files] == [
        [0, 32, 64],
        [0, 128, 255],
    ]


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "RGBA", "CMYK"])
def test_files_of_8_bits_have_no_levels_and_no_scale(mode: str) -> None:
    image = Image.new(mode, (3, 2))
    data = encode(image, "TIFF")
    assert measure(data) is None
    assert levels_in(decode(data)) is None
    assert decode(data, scale=TWELVE) == decode(data)


def test_a_probe_knows_the_levels(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(png16(VALUES))
    assert probe(tmp_path / "1.png").levels == Levels(0, 4095)
    image = open_image(tmp_path / "1.png", scale_of([Levels(0, 4095)]))
    assert np.asarray(image)[0, :, 0].tolist() == AS_8_BITS[0].tolist()


def test_strips_change_no_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        png16(RNG.integers(0, 4096, (11, 7, bands), np.uint16).squeeze()) for bands in (1, 2, 3, 4)
    ]
    see_through = Image.fromarray(RNG.integers(0, 256, (11, 7, 4), np.uint8))
    files += [encode(see_through, "PNG"), encode(see_through.convert("LA"), "PNG")]
    palette = encode(see_through.convert("RGB").quantize(8), "PNG", transparency=3)
    floats = RNG.normal(0, 9, (11, 7)).astype(np.float32)
    floats[3, 3] = np.nan
    files += [palette, encode(Image.fromarray(floats), "TIFF")]
    whole = [(array(data), array(data, TWELVE), measure(data)) for data in files]
    monkeypatch.setattr(depth, "STRIP", 20)  # two rows
    for data, (alone, scaled, levels) in zip(files, whole, strict=True):
        assert (array(data) == alone).all()
        assert (array(data, TWELVE) == scaled).all()
        assert measure(data) == levels
