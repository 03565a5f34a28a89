"""The description of one image file: its content, size, mode, contrast and appearance.

Images that look the same have hashes that differ in few bits and miniatures that go up and down
together, however the files were scaled or compressed.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rebalance.data.images import FORMATS, decode, digest, formats_of, read_bytes

UNIFORM = 3.0  # grey levels of 255; photographs of glass on white paper have 6 and more
SIDE = 32  # pixels of the thumbnail that is hashed
LOW = 8  # frequencies kept in each direction, and pixels of the miniature

# The lowest rows of the plain DCT-II matrix, without its factor: only order is asked for.
_COSINES = np.cos(np.pi * np.outer(np.arange(LOW), 2 * np.arange(SIDE) + 1) / (2 * SIDE))


@dataclass(frozen=True, slots=True)
class Appearance:
    """The part of a description that is nearly equal for images that look the same.

    bits: ``frequency_hash``. miniature: 8 x 8 grey pixels, row by row.
    """

    bits: int
    miniature: bytes


@dataclass(frozen=True, slots=True)
class ImageDescription:
    """What an inspection knows of one readable image.

    digest: the digest of the file. size: (width, height) in pixels, upright. mode: Pillow's name
    for how the pixels are stored. contrast: the standard deviation of a 32 x 32 thumbnail in grey,
    in levels of 0 to 255; where that is below ``UNIFORM``, of its strongest channel. appearance:
    None where the grey is below ``UNIFORM``, for noise would make strangers alike.
    """

    digest: bytes
    size: tuple[int, int]
    mode: str
    contrast: float
    appearance: Appearance | None

    @property
    def uniform(self) -> bool:
        """Whether the image shows nearly nothing."""
        return self.contrast < UNIFORM


def describe_image(path: Path) -> ImageDescription:
    """Read and fully decode the image file at ``path``, and describe it.

    Raises UnreadableImage as ``images.probe`` does.
    """
    data = read_bytes(path)
    image = decode(data, formats=formats_of(path))
    thumbnail = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    grey = thumbnail.convert("L")
    contrast = float(np.asarray(grey, np.float64).std())
    appearance = None
    if contrast >= UNIFORM:
        appearance = Appearance(frequency_hash(grey), _miniature(grey))
    else:
        contrast = float(np.asarray(thumbnail, np.float64).std(axis=(0, 1)).max())
    return ImageDescription(digest(data), image.size, _stored_mode(data), contrast, appearance)


def frequency_hash(thumbnail: Image.Image) -> int:
    """Compute the pHash: a bit for each of the 8 x 8 lowest DCT-II frequencies above the median.

    thumbnail: grey, 32 x 32 pixels. The DCT is the plain one, not scaled to be orthonormal, and the
    first frequency (the mean brightness) is not among those whose median is taken. Source: C.
    Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section
    3.2.1.
    """
    frequencies = (_COSINES @ np.asarray(thumbnail, np.float64) @ _COSINES.T).ravel()
    middle = (LOW * LOW - 1) // 2
    median = np.partition(frequencies[1:], middle)[middle]
    return _packed(frequencies > median)


def _packed(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _miniature(grey: Image.Image) -> bytes:
    return grey.resize((LOW, LOW), Image.Resampling.LANCZOS).tobytes()


def _stored_mode(data: bytes) -> str:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return str(image.mode)
