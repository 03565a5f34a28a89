"""An opened file tells how deep its pixels are; deep ones become 8 bits, strip by strip.

Imports Pillow and numpy; never torch.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from rebalance.data.levels import FULL, Levels, Window

GREY = ("I", "F")  # with all modes that begin with I;16
STRIP = 2**20  # pixels that are converted at a time
# Samples of 16 bits, of which Pillow keeps the high bytes, and how to have it read the low ones:
# what it takes for the other byte order. Grey with alpha is read as four bytes.
LOW_BYTES = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if np.little_endian else ";16L"}
MAX_SAMPLE_VALUE, S_MAX_SAMPLE_VALUE = 281, 341  # tags of TIFF
WHITES = tuple(2**bits - 1 for bits in range(8, 16))  # that name a depth; others are statistics


def is_grey(image: Image.Image) -> bool:
    """Tell whether the pixels are deep grey, which Pillow keeps as it is."""
    return image.mode in GREY or image.mode.startswith("I;16")


def is_deep(image: Image.Image) -> bool:
    """Tell whether an image that is not loaded yet has more than 8 bits a sample."""
    return is_grey(image) or ";16" in _raw_mode(image)


def declared_white(image: Image.Image) -> float | None:
    """Return what the header says is white; None where it does not. The image is not loaded yet.

    Pillow itself stretches JPEG 2000 and PGM to 16 bits.
    """
    raw = _raw_mode(image)
    if image.format == "JPEG2000" or _stretched(image):
        return float(FULL)
    if raw == "I;12":
        return float(WHITES[4])
    return None if image.format != "TIFF" or image.mode == "F" else _tagged_white(image)


def _tagged_white(image: Image.Image) -> float | None:
    tags = getattr(image, "tag_v2", {})
    for tag in (S_MAX_SAMPLE_VALUE, MAX_SAMPLE_VALUE):
        found = tags.get(tag)
        for white in WHITES:
            if found == white or (isinstance(found, tuple) and {*found} == {white}):
                return float(white)
    return None


def significant_bits(data: bytes) -> int:
    """Return the bits that the sBIT chunk of a PNG file says are significant; 0 without one."""
    end = data.find(b"IDAT")
    place = data.find(b"sBIT", 8, end if end > 0 else len(data))
    if not data.startswith(b"\x89PNG") or place < 0:
        return 0
    length = int.from_bytes(data[place - 4 : place], "big")
    return max(data[place + 4 : place + 4 + min(length, 3)], default=0)


def levels_of(image: Image.Image, white: float | None, bits: int) -> Levels:
    """Return the levels of a loaded image.

    white: as ``declared_white``; one that a pixel exceeds is none. bits: of them at least are
    significant.
    """
    if is_grey(image):
        low, high = np.inf, -np.inf
        for values, _ in _values(image):
            finite = np.isfinite(values)
            low = min(low, float(values.min(where=finite, initial=np.inf)))
            high = max(high, float(values.max(where=finite, initial=-np.inf)))
    else:
        most = max(high for _, high in _extrema(image)[: _colours(image)])
        low, high = 0.0, float(most * 256 + 255)
    if white is not None and high > white:
        white = None
    if 0 < bits < 17:
        high = max(high, float(2**bits - 1))
    return Levels(low, high, white, image.mode == "F")


def grey_to_8_bits(image: Image.Image, window: Window) -> Image.Image:
    """Scale deep grey so that ``window`` becomes 0 to 255; NaN counts as 0."""
    low, high = window
    span = (high - low) or 1.0  # One value everywhere becomes black.
    found = Image.new("L", image.size)
    for values, place in _values(image):
        values[np.isnan(values)] = 0
        np.clip(values, low, high, out=values)
        values -= low
        values *= 255 / span
        found.paste(Image.fromarray(np.rint(values, out=values).astype(np.uint8)), place)
    return found


def load_low_bytes(image: Image.Image) -> bool:
    """Load the low bytes of an image in place of the high ones; tell whether Pillow can do that."""
    (tile, *others) = image.tile  # type: ignore[attr-defined]
    whole = isinstance(tile.args, str)
    raw, *more = (tile.args,) if whole else tile.args
    order, grey = raw[-4:], raw == "LA;16B"
    other = "RGBA" if grey else raw[:-4] + LOW_BYTES.get(order, order)
    if others or raw == other or raw[:-4] not in ("RGB", "RGBX", "RGBA", "CMYK", "LA"):
        return False
    image.tile = [tile._replace(args=other if whole else (other, *more))]  # type: ignore[attr-defined]
    image.load()
    if grey:
        _, grey_low, _, alpha_low = image.split()
        image.paste(Image.merge("RGBA", (grey_low, grey_low, grey_low, alpha_low)))
    return True


def colour_to_8_bits(image: Image.Image, low: Image.Image | None, window: Window) -> Image.Image:
    """Scale colours of 16 bits so that ``window`` becomes 0 to 255.

    image, low: their high and their low bytes. Alpha is scaled too where it is as deep as they are.
    """
    white = window[1]
    colours = _colours(image)
    deep = [*range(colours)]
    for band, (_, most) in enumerate(_extrema(image)[colours:], colours):
        if most * 256 <= white:
            deep.append(band)
    found = Image.new(image.mode, image.size)
    for box in strips(image.size):
        high = np.array(image.crop(box))
        lower = high if low is None else np.asarray(low.crop(box))
        values = high[..., deep].astype(np.float64) * 256 + lower[..., deep]
        high[..., deep] = np.rint(np.clip(values * (255 / white), 0, 255))
        found.paste(Image.fromarray(high, image.mode), box[:2])
    return found


def strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the boxes (left, top, right, bottom) that an image of this size is converted by."""
    width, height = size
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _raw_mode(image: Image.Image) -> str:
    """Return how Pillow is going to read the samples of an image that is not loaded yet."""
    for tile in getattr(image, "tile", ()):
        found = tile[3] if isinstance(tile[3], str) else (tile[3] or ("",))[0]
        return str(found)
    return ""


def _stretched(image: Image.Image) -> bool:
    """Tell whether this is a PGM file whose header gives a white of its own."""
    args = image.tile[0].args if image.tile else ""  # type: ignore[attr-defined]
    return image.format == "PPM" and isinstance(args, tuple) and int(args[-1]) < FULL


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    """The least and the greatest value of each band of 8 bits."""
    return [(int(low), int(high)) for low, high in image.getextrema()]  # type: ignore[misc]


def _colours(image: Image.Image) -> int:
    """Return how many bands come before alpha."""
    return 4 if image.mode == "CMYK" else 3


def _values(image: Image.Image) -> Iterator[tuple[npt.NDArray[np.float64], tuple[int, int]]]:
    for box in strips(image.size):
        yield np.array(image.crop(box), dtype=np.float64), box[:2]
