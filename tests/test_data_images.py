"""images: every kind of file becomes upright 8-bit RGB, or a short reason."""

import io
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from rebalance.data.files import FORMATS, MAX_FILE_BYTES, digest, read_bytes
from rebalance.data.folder import EXTENSIONS, Unreadable, scan
from rebalance.data.images import decode, open_image
from rebalance.data.survey import Probe, probe, survey
from rebalance.errors import UnreadableImage

# pytest resets the warning filters that the package sets; a test below holds them to their job.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

NOISE = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def array(data: bytes) -> np.ndarray:
    image = decode(data)
    assert image.mode == "RGB"
    return np.asarray(image)


def grey(data: bytes) -> list[int]:
    pixels = array(data)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].ravel().tolist()


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode(data)
    return str(caught.value)


SAMPLES = {
    "jpeg": encode(Image.fromarray(NOISE), "JPEG"),
    "png": encode(Image.fromarray(NOISE), "PNG"),
    "ppm": encode(Image.fromarray(NOISE), "PPM"),
    "bmp": encode(Image.fromarray(NOISE), "BMP"),
    "tiff": encode(Image.fromarray(NOISE), "TIFF"),
    "tiff-lzw": encode(Image.fromarray(NOISE), "TIFF", compression="tiff_lzw"),
    "webp": encode(Image.fromarray(NOISE), "WEBP", lossless=True),
    "gif": encode(Image.fromarray(NOISE), "GIF"),
}
LOSSLESS = ("png", "ppm", "bmp", "tiff", "tiff-lzw", "webp")


# Pixels


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    assert (array(SAMPLES[kind]) == NOISE).all()


def test_every_extension_has_its_decoder() -> None:
    Image.init()
    assert {Image.registered_extensions()[extension] for extension in EXTENSIONS} <= set(FORMATS)


UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(Image.fromarray(NOISE), kind, exif=exif, **options)
    assert (array(data) == UPRIGHT[orientation](NOISE)).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_orientation_in_xmp_is_applied(kind: str) -> None:
    told = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("XML:com.adobe.xmp", told)
    more = {"pnginfo": notes} if kind == "PNG" else {"xmp": told.encode()}
    stream = io.BytesIO()
    Image.new("RGB", (4, 2)).save(stream, kind, **more)
    assert decode(stream.getvalue()).size == (2, 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "MPO", "WEBP"])
def test_an_image_has_nothing_left_of_its_file(kind: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (4, 2), "red").save(stream, kind)
    image = decode(stream.getvalue())
    assert type(image) is Image.Image
    image.putpixel((0, 0), (0, 0, 255))
    assert pickle.loads(pickle.dumps(image)).getpixel((0, 0)) == (0, 0, 255)


def test_jpeg_orientation_swaps_the_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encode(Image.fromarray(NOISE), "JPEG", exif=exif)).size == (12, 20)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_metadata_that_cannot_be_parsed_does_not_cost_the_image(kind: str) -> None:
    data = encode(Image.fromarray(NOISE), kind, exif=b"Exif\0\0garbage!")
    assert array(data).shape == NOISE.shape


DEEP = np.array([[0, 128, 129, 257, 100 * 257, 65535]], dtype=np.uint16)
DEEP_AS_8_BITS = [0, 0, 1, 1, 100, 255]


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_keeps_its_full_range(format: str) -> None:
    assert grey(encode(Image.fromarray(DEEP), format)) == DEEP_AS_8_BITS


def test_16_bit_grey_big_endian() -> None:
    data = encode(Image.fromarray(DEEP.astype(">u2")), "TIFF")
    assert Image.open(io.BytesIO(data)).mode == "I;16B"
    assert grey(data) == DEEP_AS_8_BITS


def test_all_256_levels_survive_16_bits() -> None:
    levels = np.arange(256, dtype=np.uint16)[None]
    assert grey(encode(Image.fromarray(levels * 257), "PNG")) == list(range(256))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 65535, 257], [0, 255, 1]),
        ([0, 65536, 32768], [0, 255, 128]),
        ([-100, 20, 100], [0, 153, 255]),
        ([-(2**31), 2**31 - 1, 1], [0, 255, 128]),
        ([-7, -7], [0, 0]),
    ],
)
def test_32_bit_integers(values: list[int], expected: list[int]) -> None:
    assert grey(encode(Image.fromarray(np.array([values], dtype=np.int32)), "TIFF")) == expected


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0.25, 0.5], [64, 128]),
        ([0, 6, 10], [0, 153, 255]),
        ([-1, 1, 0.2], [0, 255, 153]),
        ([1, NAN, 0.2], [255, 0, 51]),
        ([INF, -INF, 0.2], [255, 0, 51]),
        ([0.4, INF, 10, 5], [0, 255, 255, 122]),
        ([NAN, NAN], [0, 0]),
        ([INF, -INF], [255, 0]),
        ([-3e38, 3e38, 6e37], [0, 255, 153]),
        ([7, 7], [0, 0]),
    ],
)
def test_floats(values: list[float], expected: list[int]) -> None:
    assert grey(encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")) == expected


def test_16_bit_colour_takes_the_high_byte() -> None:
    rows = b"\0" + struct.pack(">6H", 0, 32768, 65535, 257, 40000, 300)
    key = chunk(b"tRNS", struct.pack(">3H", 1, 2, 3))
    expected = [[[0, 128, 255], [1, 156, 1]]]
    assert array(png(2, 1, 16, 2, rows)).tolist() == expected
    assert array(png(2, 1, 16, 2, rows, key)).tolist() == expected


def test_bilevel() -> None:
    image = Image.fromarray(np.array([[0, 255, 255, 0]], dtype=np.uint8)).convert("1")
    assert grey(encode(image, "PNG")) == [0, 255, 255, 0]


def test_palette() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2])
    assert array(encode(image, "PNG")).tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    see_through = encode(image, "PNG", transparency=1)
    assert array(see_through).tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]


def test_gif_transparency_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    data = encode(image, "GIF", transparency=1)
    assert array(data).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_grey_with_a_transparent_level_is_white_there() -> None:
    data = encode(Image.fromarray(np.array([[7, 9]], dtype=np.uint8)), "PNG", transparency=7)
    assert grey(data) == [255, 9]


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_laid_on_white(format: str) -> None:
    pixels = np.array([[[0, 0, 0, 0], [200, 100, 0, 255], [100, 0, 50, 51]]], dtype=np.uint8)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    colour, alpha = pixels[..., :3].astype(float), pixels[..., 3:] / 255
    expected = np.rint(colour * alpha + 255 * (1 - alpha))
    found = array(encode(Image.fromarray(pixels), format, **options))
    assert np.abs(found - expected).max() <= 1
    assert found[0, 1].tolist() == [200, 100, 0]


def test_opaque_alpha_changes_nothing() -> None:
    opaque = Image.fromarray(NOISE).convert("RGBA")
    assert (array(encode(opaque, "PNG")) == NOISE).all()


def test_grey_with_alpha() -> None:
    pixels = np.array([[[0, 0], [0, 255], [90, 255]]], dtype=np.uint8)
    assert grey(encode(Image.fromarray(pixels, "LA"), "PNG")) == [255, 0, 90]


def test_palette_with_alpha() -> None:
    image = Image.new("RGBA", (2, 1), (10, 20, 30, 0)).convert("PA")
    assert grey(encode(image, "TIFF")) == [255, 255]


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 0, 0, 0), (255, 255, 255)),
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 255, 0), (255, 0, 0)),
        ((0, 0, 0, 255), (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format: str, ink: tuple[int, ...], colour: tuple[int, ...]) -> None:
    data = encode(Image.new("CMYK", (8, 8), ink), format)
    assert (b"Adobe" in data) == (format == "JPEG")  # which stores its inks inverted
    assert np.abs(array(data).astype(int) - colour).max() <= 2


def test_ycbcr_and_lab() -> None:
    red = Image.new("RGB", (4, 4), (200, 30, 40))
    # Compressed: Pillow 12, the last for Python 3.10, takes what it wrote without for cut short.
    found = array(encode(red.convert("YCbCr"), "TIFF", compression="tiff_lzw")).astype(int)
    assert np.abs(found - (200, 30, 40)).max() <= 2
    white = Image.new("LAB", (4, 4), (255, 128, 128))
    assert np.abs(array(encode(white, "TIFF")).astype(int) - 255).max() <= 2


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_first_frame_of_many(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    data = encode(frames[0], format, save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(data)).n_frames == 3
    assert np.abs(array(data).astype(int) - (255, 0, 0)).max() <= 2


def test_extreme_shapes() -> None:
    assert decode(encode(Image.new("L", (1, 1)), "PNG")).size == (1, 1)
    assert decode(encode(Image.new("L", (5000, 1)), "PNG")).size == (5000, 1)


# Files that are no images


def test_text_is_not_an_image() -> None:
    assert refusal(b"404: not found") == "not an image (unknown format)"


@pytest.mark.parametrize("format", ["EPS", "ICO", "PCX", "TGA", "PDF"])
def test_other_decoders_are_out_of_reach(format: str) -> None:
    assert refusal(encode(Image.fromarray(NOISE), format)) == "not an image (unknown format)"


def test_headers_cut_off() -> None:
    for kind in ("jpeg", "png", "gif", "tiff"):
        assert refusal(SAMPLES[kind][:4]) == "damaged: the header cannot be read"


def test_truncated_and_damaged_data() -> None:
    assert refusal(SAMPLES["png"][:-40]).startswith("truncated: image file is truncated")
    assert refusal(SAMPLES["jpeg"][:-40]).startswith("truncated: image file is truncated (")
    broken = bytearray(SAMPLES["png"])
    broken[100] ^= 255
    assert refusal(bytes(broken)) == "damaged: broken data stream when reading image file"


def test_decompression_bomb() -> None:
    assert refusal(png(100_000, 100_000, 8, 0, b"")) == (
        "decompression bomb: 10000000000 pixels, more than the 178956970 allowed"
    )


def test_pillow_warns_at_half_its_limit_and_we_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode(encode(Image.new("L", (20, 10)), "PNG")).size == (20, 10)
    bomb = encode(Image.new("L", (21, 10)), "PNG")
    assert refusal(bomb) == "decompression bomb: 210 pixels, more than the 200 allowed"


@pytest.mark.parametrize("kind", SAMPLES)
def test_cut_anywhere_it_is_an_image_or_a_reason(kind: str) -> None:
    data = SAMPLES[kind]
    refused = sum(attempt(data[:length]) is not None for length in range(0, len(data), 7))
    assert refused > len(data) / 7 * 0.9


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.dictionaries(st.integers(0, 400), st.integers(0, 255), min_size=1, max_size=8),
)
def test_damaged_anywhere_it_is_an_image_or_a_reason(kind: str, changes: dict[int, int]) -> None:
    data = bytearray(SAMPLES[kind])
    for position, value in changes.items():
        data[position] = value
    assert attempt(bytes(data)) == attempt(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", *(data[:16] for data in SAMPLES.values())]))
def test_any_bytes_are_an_image_or_a_reason(tail: bytes, head: bytes) -> None:
    attempt(head + tail)


def attempt(data: bytes) -> str | None:
    """The reason why not, held to what a user may be shown; None for an image."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            # A damaged header may ask for gigabytes.
            patch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
            image = decode(data)
    except UnreadableImage as error:
        reason = str(error)
        assert 0 < len(reason) <= 120
        assert reason.isprintable()
        assert " at 0x" not in reason
        return reason
    assert image.mode == "RGB"
    assert min(image.size) > 0
    return None


# Files that cannot be read


def unread(path: Path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_bytes(path)
    return str(caught.value)


def test_read_bytes_follows_links(tmp_path: Path) -> None:
    (tmp_path / "real.jpg").write_bytes(b"content")
    (tmp_path / "link.jpg").symlink_to("real.jpg")
    assert read_bytes(tmp_path / "link.jpg") == b"content"


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").symlink_to("absent")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert unread(tmp_path / "absent.jpg") == "no such file"
    assert unread(tmp_path / "broken.jpg") == "broken link"
    assert unread(tmp_path / "circle.jpg").startswith("cannot be read: ")
    assert unread(tmp_path / "folder.jpg") == "not a regular file"
    assert unread(tmp_path / "nul\0.jpg") == "cannot be read: ValueError"


def test_a_pipe_is_not_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert unread(tmp_path / "pipe.jpg") == "not a regular file"


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert unread(tmp_path / "empty.jpg") == "empty file (0 bytes)"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_file_longer_than_the_system_says_is_read_to_its_end() -> None:
    content = read_bytes("/proc/self/limits")
    assert Path("/proc/self/limits").stat().st_size == 0
    assert content == Path("/proc/self/limits").read_bytes()


def test_a_file_too_large_for_any_image_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no room
    assert unread(tmp_path / "huge.jpg") == (
        "file of 2147483649 bytes, more than the 2147483648 allowed"
    )


def test_no_permission() -> None:
    # Not tmp_path, which only its owner may enter: the superuser has to become another.
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "locked.jpg")
        path.write_bytes(SAMPLES["jpeg"])
        path.chmod(0)
        path.parent.chmod(0o755)
        user = os.geteuid()
        os.seteuid(user or 65534)
        try:
            assert unread(path) == "no permission to read it"
        finally:
            os.seteuid(user)


# Probes and surveys


def test_digest_is_blake2b_of_16_bytes() -> None:
    assert digest(b"abc") == blake2b(b"abc", digest_size=16).digest()
    assert len(digest(b"")) == 16
    assert digest(b"a") != digest(b"b")


def test_probe(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(Image.fromarray(NOISE), "JPEG", exif=exif)
    (tmp_path / "1.jpg").write_bytes(data)
    assert probe(tmp_path / "1.jpg") == Probe(digest(data), (12, 20))
    assert open_image(tmp_path / "1.jpg") == decode(data)


def test_probe_decodes_to_the_last_pixel(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(SAMPLES["png"][:-40])
    with pytest.raises(UnreadableImage, match="truncated"):
        probe(tmp_path / "1.png")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    files = {
        "a/good.png": SAMPLES["png"],
        "a/misnamed.jpg": SAMPLES["gif"],
        "a/text.jpg": b"<html>",
        "b/bomb.png": png(100_000, 100_000, 8, 0, b""),
        "b/cut.jpg": SAMPLES["jpeg"][:-40],
        "b/empty.jpg": b"",
        "b/good.jpg": SAMPLES["jpeg"],
    }
    for file, data in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(data)
    (tmp_path / "b/gone.jpg").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_survey(mixed: Path, workers: int) -> None:
    folder = scan(mixed)
    probes, unreadable = survey(folder, workers)
    expected = {
        "a/good.png": Probe(digest(SAMPLES["png"]), (20, 12)),
        "a/misnamed.jpg": Probe(digest(SAMPLES["gif"]), (20, 12)),
        "b/good.jpg": Probe(digest(SAMPLES["jpeg"]), (20, 12)),
    }
    assert probes == [expected.get(path) for path in folder.paths]
    assert [(bad.path, bad.label) for bad in unreadable] == [
        ("a/text.jpg", "a"),
        ("b/bomb.png", "b"),
        ("b/cut.jpg", "b"),
        ("b/empty.jpg", "b"),
        ("b/gone.jpg", "b"),
    ]
    assert unreadable[-1] == Unreadable("b/gone.jpg", "b", "broken link")


def test_survey_tells_its_progress(mixed: Path) -> None:
    told = []

    def watch(items: Iterable[object], *, total: int, what: str, unit: str) -> Iterator[object]:
        for item in items:
            told.append((total, what, unit))
            yield item

    survey(scan(mixed), 2, watch)
    assert told == [(8, "reading images", "images")] * 8


def test_a_name_that_is_not_utf8_is_unreadable(mixed: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(mixed) + b"/a/\xff.png"))
    try:
        odd.write_bytes(SAMPLES["png"])
    except OSError:
        pytest.skip("this file system stores UTF-8 names only")
    assert unread(odd) == "file name is not valid UTF-8"
    _, unreadable = survey(scan(mixed), 0)
    assert Unreadable("a/\udcff.png", "a", "file name is not valid UTF-8") in unreadable


def test_odd_files_leave_stderr_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    for position in range(8, 140):  # the directory of the file: its tags, their types and counts
        tiff = bytearray(SAMPLES["tiff"])
        tiff[position] ^= 255
        (root / "a" / f"{position}.tif").write_bytes(tiff)
        (root / "a" / f"cut{position}.tif").write_bytes(SAMPLES["tiff"][:position])
    (root / "a" / "large.png").write_bytes(SAMPLES["png"])
    for kind in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):  # libtiff has its own words
        packed = encode(Image.fromarray(NOISE), "TIFF", compression=kind)
        for position in range(8, len(packed), 9):
            tiff = bytearray(packed)
            tiff[position] ^= 255
            (root / "a" / f"{kind}{position}.tif").write_bytes(tiff)
    code = (
        "import sys\nfrom PIL import Image\nfrom rebalance.data import folder, survey\n"
        "Image.MAX_IMAGE_PIXELS = 200  # large.png has 240\n"
        "print(len(survey.survey(folder.scan(sys.argv[1]), 2)[1]))"
    )
    command = [sys.executable, "-W", "always", "-c", code, str(root)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) > 132
    assert result.stderr == ""


def test_real_photographs(shared: Path) -> None:
    folder = scan(shared / "data" / "trashnet" / "images")
    sample = folder.take(range(0, len(folder.paths), len(folder.paths) // 100))
    probes, unreadable = survey(sample, 2)
    assert unreadable == []
    assert all(probe is not None and min(probe.size) > 100 for probe in probes)
