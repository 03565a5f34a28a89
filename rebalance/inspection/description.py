"""The description of one image file: its content, size, mode, contrast and appearance.

Images that look the same have hashes that differ in few bits and miniatures that go up and down
together, however the files were scaled or compressed.
"""

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rebalance.data.files import FORMATS, digest, formats_of, read_bytes
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.images import levels_in, opened
from rebalance.data.levels import EACH_ALONE, DepthScale, Levels
from rebalance.data.scales import scale_of
from rebalance.data.survey import read_each
from rebalance.progress import Progress, silent

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
    """An image's description holds all that an inspection knows of it.

    digest: the digest of the file. size: (width, height) in pixels, upright. mode: Pillow's name
    for how the pixels are stored. contrast: the standard deviation of a 32 x 32 thumbnail in grey,
    in levels of 0 to 255; where that is below ``UNIFORM``, of its strongest channel. appearance:
    None where the grey is below ``UNIFORM``, for noise would make strangers alike. levels: of a
    file with more than 8 bits a sample.
    """

    digest: bytes
    size: tuple[int, int]
    mode: str
    contrast: float
    appearance: Appearance | None
    levels: Levels | None = None

    @property
    def uniform(self) -> bool:
        """Tell whether the image shows nearly nothing."""
        return self.contrast < UNIFORM


def describe_image(path: Path, scale: DepthScale = EACH_ALONE) -> ImageDescription:
    """Read and fully decode the image file at ``path``, and describe it.

    scale: of the set that it belongs to. Raises UnreadableImage as ``survey.probe`` does.
    """
    data = read_bytes(path)
    with opened(data, formats=formats_of(path), scale=scale) as image:
        size, levels = image.size, levels_in(image)
        thumbnail = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    grey = thumbnail.convert("L")
    contrast = float(np.asarray(grey, np.float64).std())
    appearance = None
    if contrast >= UNIFORM:
        appearance = Appearance(frequency_hash(grey), _miniature(grey))
    else:
        contrast = float(np.asarray(thumbnail, np.float64).std(axis=(0, 1)).max())
    return ImageDescription(digest(data), size, _stored_mode(data), contrast, appearance, levels)


def describe_set(
    folder: ImageFolder, workers: int, progress: Progress = silent, scale: DepthScale | None = None
) -> tuple[list[ImageDescription | None], list[Unreadable], DepthScale]:
    """Describe every image of ``folder`` as ``survey.read_each`` does, all by one scale.

    scale: that of an earlier step, if there is one. Images that the scale of the set changes are
    looked at twice, for it is only known when all were seen.
    """
    looks, unreadable = read_each(folder, describe_image, workers, progress)
    scale = scale_of((each.levels for each in looks if each is not None), scale)
    anew = [
        place for place, each in enumerate(looks) if each and scale.window(each.levels) is not None
    ]
    again = partial(describe_image, scale=scale)
    found, gone = read_each(folder.take(anew), again, workers, progress) if anew else ([], [])
    for place, each in zip(anew, found, strict=True):
        looks[place] = each
    order = {path: place for place, path in enumerate(folder.paths)} if gone else {}
    return looks, sorted([*unreadable, *gone], key=lambda image: order.get(image.path, 0)), scale


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
