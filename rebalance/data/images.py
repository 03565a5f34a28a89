"""One image: its pixels, or why they cannot be read.

Whatever a file holds, the answer is an RGB image or an ``UnreadableImage`` with a short reason.
Imports Pillow and numpy; never torch, torchvision or click.
"""

import ctypes
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, _imaging

from rebalance.data.budget import BUDGET, Portion
from rebalance.data.depth import (
    colour_to_8_bits,
    declared_white,
    grey_to_8_bits,
    is_deep,
    is_grey,
    levels_of,
    load_low_bytes,
    significant_bits,
    strips,
)
from rebalance.data.faults import fault_of
from rebalance.data.files import FORMATS, formats_of, read_bytes
from rebalance.data.levels import EACH_ALONE, DepthScale, Levels, Window
from rebalance.errors import PassingFault

JPEG = b"\xff\xd8\xff"
SHALLOW = (JPEG, b"GIF8", b"BM", b"RIFF")  # how formats begin that have 8 bits a sample at most
LEVELS = "levels"  # the key of a decoded image's ``info`` that says how deep its file is
# Bytes that a pixel takes at most while it is decoded: as the decoder has it, as Pillow stores it
# (4 for any colour), and as RGB. Measured; of other formats, which --extensions reads, guessed.
BYTES = {"PNG": 8, "JPEG": 8, "MPO": 8, "BMP": 8, "GIF": 8, "PPM": 8, "TIFF": 12, "WEBP": 20}
BYTES_OF_OTHERS = 20
# Pillow looks for an orientation in these entries of ``info``, and for these formats nowhere else.
TAGS = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
TAGGED = ("JPEG", "PNG")
BYTES_WHOLE = 12  # of JPEGs whose coefficients must all be there first, or that are CMYK

# Pillow comments on odd files as it reads them, and libtiff, which it calls, does so on standard
# error; this package reports on files in its own way. Set once for the process:
# warnings.catch_warnings is not safe in threads, and neither is another file in place of stderr.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())
with suppress(OSError, AttributeError):  # no libtiff, or one that cannot be reached from here
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


@contextmanager
def opened(
    data: bytes,
    least: int | None = None,
    formats: tuple[str, ...] = FORMATS,
    scale: DepthScale = EACH_ALONE,
) -> Iterator[Image.Image]:
    """Decode as ``decode`` does, for as long as the block lasts.

    The memory that the image takes counts as taken meanwhile, so that threads which look at very
    large images do it one after another. Raises PassingFault where the block runs out of memory,
    otherwise as ``decode``.
    """
    with Portion(BUDGET) as portion:
        image = _decoded(data, least, formats, scale, portion)
        try:
            yield image
        except MemoryError as error:
            raise PassingFault("not enough memory to look at it") from error


def decode(
    data: bytes,
    least: int | None = None,
    formats: tuple[str, ...] = FORMATS,
    scale: DepthScale = EACH_ALONE,
) -> Image.Image:
    """Decode the first frame of an image file, upright by its EXIF orientation, as 8-bit RGB.

    Transparency is laid on white. What has more than 8 bits a sample becomes 8 by the ``scale`` of
    its set. Alone, 16-bit grey and 32-bit integers that all lie in [0, 65535] keep their full range
    (65535 becomes 255), unless the file says what is white; so do floats that all lie in [0, 1].
    Other integers and floats are stretched from their own minimum to their own maximum; NaN counts
    as 0, and an infinity as the end of that range. Colour profiles are not applied, as in
    torchvision.

    least: a JPEG may come at a half, quarter or eighth of its size, which takes less time, as long
    as its longer side keeps this many pixels; None is its full size. formats: the decoders that may
    read it.

    Raises UnreadableImage for data in none of ``formats``, damaged, cut short, or with more pixels
    than Pillow's limit (twice ``PIL.Image.MAX_IMAGE_PIXELS``); PassingFault where the system
    refused, as for want of memory, which says nothing of the data.
    """
    with Portion(BUDGET) as portion:
        return _decoded(data, least, formats, scale, portion)


def levels_in(image: Image.Image) -> Levels | None:
    """Return the levels of the file that an image was decoded from; None for one of 8 bits."""
    found: Levels | None = image.info.get(LEVELS)
    return found


def measure(data: bytes, formats: tuple[str, ...] = FORMATS) -> Levels | None:
    """Return the levels of an image file; None for one of 8 bits, which is not decoded for it.

    Raises UnreadableImage as ``decode`` does, for deep files alone.
    """
    if not _may_be_deep(data, formats):
        return None
    with opened(data, formats=formats) as image:
        return levels_in(image)


def _may_be_deep(data: bytes, formats: tuple[str, ...]) -> bool:
    if data.startswith(SHALLOW):
        return False
    if data.startswith(b"\x89PNG"):
        return data[24:25] == b"\x10"  # the bits of a sample
    with suppress(Exception), Image.open(io.BytesIO(data), formats=formats) as image:
        return is_deep(image)
    return False


@dataclass(frozen=True)
class JpegHeader:
    """The size and orientation of a JPEG in grey or YCbCr, read from its header.

    size: (width, height) as stored. orientation: EXIF's, from 1 to 8.
    """

    size: tuple[int, int]
    orientation: int


def jpeg_header(data: bytes) -> JpegHeader | None:
    """Read the header of a JPEG that all decoders agree on; None for any other file.

    Other formats, CMYK, files whose header cannot be read and more pixels than Pillow allows are
    left to ``decode``.
    """
    if not data.startswith(JPEG):
        return None
    with suppress(Exception), Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if image.mode not in ("L", "RGB"):
            return None
        return JpegHeader(image.size, _orientation(image))
    return None


def open_image(path: Path | str, scale: DepthScale = EACH_ALONE) -> Image.Image:
    """Read and ``decode`` the file at ``path``; raises UnreadableImage as both steps do."""
    return decode(read_bytes(path), formats=formats_of(path), scale=scale)


def _decoded(
    data: bytes, least: int | None, formats: tuple[str, ...], scale: DepthScale, portion: Portion
) -> Image.Image:
    """Decode; ``portion`` takes the memory that this needs."""
    needed = 0
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            if least is not None:
                ratio = least / max(image.size)
                image.draft(None, (ceil(image.width * ratio), ceil(image.height * ratio)))
            needed = image.width * image.height * _bytes_of(image)
            portion.take(needed)
            if is_deep(image):
                return _deep(data, image, formats, scale)
            image.load()
            _turn_upright(image)
            return _to_rgb(image)
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files.
        raise fault_of(data, error, needed) from error


def _deep(
    data: bytes, image: Image.Image, formats: tuple[str, ...], scale: DepthScale
) -> Image.Image:
    """Bring an image with more than 8 bits a sample, not loaded yet, to 8-bit RGB by ``scale``."""
    white, grey = declared_white(image), is_grey(image)
    image.load()
    levels = levels_of(image, white, significant_bits(data))
    window = scale.window(levels)
    _turn_upright(image)
    if grey:
        found = grey_to_8_bits(image, window or levels.alone).convert("RGB")
    elif window is None:
        found = _to_rgb(image)
    else:
        found = _to_rgb(_scaled_colour(data, image, formats, window))
    found.info = {LEVELS: levels}
    return found


def _scaled_colour(
    data: bytes, image: Image.Image, formats: tuple[str, ...], window: Window
) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=formats) as lower:
        if not load_low_bytes(lower):
            return colour_to_8_bits(image, None, window)
        _turn_upright(lower)
        return colour_to_8_bits(image, lower, window)


def _bytes_of(image: Image.Image) -> int:
    whole = image.format in ("JPEG", "MPO") and (
        image.mode == "CMYK" or bool(image.info.get("progressive"))
    )
    return BYTES_WHOLE if whole else BYTES.get(str(image.format), BYTES_OF_OTHERS)


def _turn_upright(image: Image.Image) -> None:
    if image.format in TAGGED and image.info.keys().isdisjoint(TAGS):
        return
    # Metadata that cannot be parsed leaves a good picture: it is shown as it is stored.
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _orientation(image: Image.Image) -> int:
    with suppress(Exception):  # as in ``_turn_upright``
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
        return int(found) if found in range(1, 9) else 1
    return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode == "RGB":  # of which convert returns a copy
        return image._new(image.im)
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Lay an image with transparency on white, strip by strip."""
    found = Image.new("RGB", image.size)
    for box in strips(image.size):
        layer = image.crop(box).convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        found.paste(Image.alpha_composite(white, layer).convert("RGB"), box[:2])
    return found
