"""Files that are no images are named, and other kinds of image are read when asked for."""

import io

import numpy as np
import pytest
from PIL import Image, features

from rebalance.data.contents import what_it_is
from rebalance.data.files import formats_of
from rebalance.data.images import decode
from rebalance.data.survey import probe
from rebalance.errors import PassingFault, UnreadableImage

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def encoded(format: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (POINTER, "Git LFS pointer"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
        (b"\xef\xbb\xbf\n <HTML>", "web page"),
        (b'<?xml version="1.0"?><svg/>', "SVG"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"PK\x03\x04", "ZIP"),
        (bytes(4096), "placeholder"),
        (b"\0\0\0\x20ftypheic", "HEIC"),
        (b"\0\x05\x16\x07\0\x02", "macOS"),
        (b"404: not found", "unknown format"),
    ],
)
def test_what_is_no_image_is_named(data, name):
    assert name in what_it_is(data)
    with pytest.raises(UnreadableImage, match=name):
        decode(data)


KINDS = [("AVIF", ".avif"), ("JPEG2000", ".jp2"), ("ICO", ".ico"), ("TGA", ".tga")]


@pytest.mark.parametrize(("format", "ending"), KINDS)
def test_other_kinds_are_read_by_their_name(tmp_path, format, ending):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("needs a Pillow that reads AVIF")
    data = encoded(format)
    (tmp_path / f"1{ending}").write_bytes(data)
    (tmp_path / "1.jpg").write_bytes(data)
    assert probe(tmp_path / f"1{ending}").size == (16, 16)
    with pytest.raises(UnreadableImage):
        probe(tmp_path / "1.jpg")


def test_a_verdict_that_another_name_would_change_is_not_remembered(tmp_path):
    with pytest.raises(PassingFault, match=r"JPEG 2000 image under another name.*\.jp2"):
        decode(encoded("JPEG2000"))


@pytest.mark.parametrize("ending", [".eps", ".ps", ".pdf", ".mpg", ".wmf", ".none"])
def test_decoders_that_start_programs_are_never_reached(ending):
    assert formats_of(f"x{ending}") == formats_of("x.jpg")


def test_a_folder_of_another_kind_is_undersampled(run, tmp_path):
    for name, count in (("cat", 6), ("dog", 3)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.random.default_rng(number + count).integers(0, 255, (9, 9, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.gif")
    command = ["undersample", tmp_path / "data", "-o", tmp_path / "M.csv", "--method", "random"]
    assert "9 .gif" in run(*command).err
    done = run(*command, "--extensions", ".gif,.avif")
    assert done.status == 0
    assert len((tmp_path / "M.csv").read_text().splitlines()) == 7
