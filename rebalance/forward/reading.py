"""Image files read as the pixels that a network sees: uint8 [3, crop, crop].

Pillow decodes, and judges what cannot be read; torch resizes, in half of Pillow's time and to the
same pixels, give or take one level. Large JPEGs are decoded at a part of their size, or left to a
GPU's own decoder. torchvision's decoder for processors is quicker than Pillow by a seventh, but
it is to be removed, and writes to standard error what it thinks of odd files.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rebalance.data.files import FORMATS
from rebalance.data.images import jpeg_header, opened
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.models.transforms import Transform

# A JPEG may be decoded small while a side keeps so many times the pixels it is resized to. Features
# of photographs of 12 megapixels moved by less than bfloat16 moves them, in half of the time.
SPARE = 3
LARGE = 2**20  # pixels from which on a GPU decodes

# EXIF orientation to (transposed, axes flipped after that) of [3, H, W].
_UPRIGHT: dict[int, tuple[bool, list[int]]] = {
    1: (False, []),
    2: (False, [2]),
    3: (False, [1, 2]),
    4: (False, [1]),
    5: (True, []),
    6: (True, [2]),
    7: (True, [1, 2]),
    8: (True, [1]),
}


def read_pixels(
    data: bytes,
    transform: Transform,
    formats: tuple[str, ...] = FORMATS,
    scale: DepthScale = EACH_ALONE,
) -> Tensor:
    """Read an image file as ``transform`` leaves it: uint8 [3, crop, crop].

    scale: of the set that it belongs to. Raises UnreadableImage as ``images.decode`` does.
    """
    header = jpeg_header(data)
    least = None
    if header is not None:
        short, long = sorted(header.size)
        least = ceil(SPARE * transform.shorter_side * long / short)
    with opened(data, least, formats, scale) as image, _enough_memory():
        return transform.fitted(torch.from_numpy(np.array(image)).permute(2, 0, 1))


@contextmanager
def _enough_memory() -> Iterator[None]:
    """Turn what torch raises where it gets no memory into Python's own error."""
    try:
        yield
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise MemoryError from error
        raise


class Encoded(NamedTuple):
    """A JPEG that is still to be decoded: its bytes as uint8 [n], and its EXIF orientation."""

    data: Tensor
    orientation: int


def read_or_leave(
    data: bytes,
    transform: Transform,
    formats: tuple[str, ...] = FORMATS,
    scale: DepthScale = EACH_ALONE,
) -> Tensor | Encoded:
    """Read the pixels as ``read_pixels`` does, but leave a large JPEG for a GPU to decode.

    It is left only where it looks whole.

    Raises UnreadableImage as ``read_pixels`` does.
    """
    header = jpeg_header(data)
    if (
        header is None
        or header.size[0] * header.size[1] < LARGE
        or not data.rstrip(b"\0").endswith(b"\xff\xd9")  # cut short: Pillow's to judge
        or transform.interpolation == "nearest"
    ):
        return read_pixels(data, transform, formats, scale)
    return Encoded(torch.frombuffer(bytearray(data), dtype=torch.uint8), header.orientation)


def decode_on(device: str, encoded: Sequence[Encoded], transform: Transform) -> Tensor:
    """Decode JPEGs together on ``device``: uint8 [n, 3, crop, crop], n at least 1.

    Decoder and resizing are the device's: pixels may differ from ``read_pixels`` by a few levels.
    Raises RuntimeError for one that it does not take, ImportError where torchvision has no decoder
    any more.
    """
    from torchvision.io import ImageReadMode, decode_jpeg

    decoded = decode_jpeg([each.data for each in encoded], mode=ImageReadMode.RGB, device=device)
    found = []
    for pixels, each in zip(decoded, encoded, strict=True):
        fitted = transform.fitted(upright(pixels, each.orientation).float())
        found.append(fitted.round_().clamp_(0, 255).to(torch.uint8))
    return torch.stack(found)


def upright(pixels: Tensor, orientation: int) -> Tensor:
    """Turn an image [3, H, W] as EXIF's ``orientation``, from 1 to 8, says."""
    transposed, flipped = _UPRIGHT[orientation]
    return (pixels.transpose(1, 2) if transposed else pixels).flip(flipped)
