"""The pixels of images as what neighbours are told by: each image a small square, row by row.

Imports torch only when called.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebalance.data.files import formats_of, read_bytes
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.errors import DataError, UnreadableImage
from rebalance.models.transforms import Transform
from rebalance.parallel import ordered_map
from rebalance.progress import Progress


def pixel_values(
    folder: ImageFolder, side: int, scale: DepthScale, workers: int, progress: Progress
) -> NDArray[np.float16]:
    """The levels, 0 to 255, of every image of ``folder``, stretched to ``side`` pixels a side.

    [N, 3 side^2], in float16, which holds them exactly. No more images are in memory at a time than
    threads look at. scale: of the set that they belong to. Raises DataError for an image that
    cannot be read.
    """
    values = np.empty((len(folder.paths), 3 * side * side), np.float16)
    read = partial(_pixels, folder.root, side=side, scale=scale)
    found = ordered_map(read, folder.paths, workers)
    shown = progress(found, total=len(values), what="reading pixels", unit="images")
    for place, pixels in enumerate(shown):
        values[place] = pixels
    return values


def _pixels(root: Path, path: str, *, side: int, scale: DepthScale) -> NDArray[np.uint8]:
    from rebalance.forward.reading import read_pixels

    plain = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)  # nothing is normalised here
    square = Transform(side, side, *plain, "bilinear", fit="stretch")
    try:
        found = read_pixels(read_bytes(root / path), square, formats_of(path), scale)
    except UnreadableImage as error:
        raise DataError(f"{path!r} cannot be read any more ({error}): run again") from None
    pixels: NDArray[np.uint8] = found.flatten().numpy()
    return pixels
