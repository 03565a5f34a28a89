"""Small pictures of many images, and sheets of them.

Imports Pillow and numpy; never torch or click.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rebalance.data.files import formats_of, read_bytes
from rebalance.data.images import decode, levels_in
from rebalance.data.levels import EACH_ALONE, DepthScale, Levels
from rebalance.errors import UnreadableImage
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent

GROUND = (238, 238, 236)  # light and neutral, beside white images and dark ones
PAPER = (255, 255, 255)
INK = (120, 120, 120)
QUALITIES = (75, 65, 55, 45, 35, 25, 15)  # of JPEG files, to try in turn

Tiles = NDArray[np.uint8]  # [N, side, side, 3]


def read_tiles(
    root: Path,
    names: Sequence[str],
    side: int,
    workers: int,
    progress: Progress = silent,
    scale: DepthScale | None = None,
) -> Tiles:
    """Read the images ``names`` of the folder ``root`` as tiles, in order [N, side, side, 3].

    Each is read as the rest of this package reads it and fitted whole into a square of ``side``
    pixels; one that cannot be read is a cross. workers: threads; 0 reads in this one. scale: of the
    set that they are from; None is that of these images, some of which are then read twice.
    """
    tiles = np.empty((len(names), side, side, 3), np.uint8)
    levels: list[Levels | None] = []

    def look(name: str) -> tuple[Tiles, Levels | None]:
        image = read_small(root / name, side, scale or EACH_ALONE)
        return (cross(side), None) if image is None else (fitted(image, side), levels_in(image))

    read = ordered_map(look, names, workers)
    for place, (tile, own) in enumerate(
        progress(read, total=len(names), what="reading images", unit="images")
    ):
        tiles[place] = tile
        levels.append(own)
    found = DepthScale.of(levels) if scale is None else EACH_ALONE
    anew = [at for at, own in enumerate(levels) if found.window(own) != EACH_ALONE.window(own)]
    again = ordered_map(lambda place: read_tile(root / names[place], side, found), anew, workers)
    for place, tile in zip(anew, again, strict=True):
        tiles[place] = tile
    return tiles


def read_tile(path: Path, side: int, scale: DepthScale = EACH_ALONE) -> Tiles:
    """Read the image at ``path`` as a tile [side, side, 3]; a cross where it cannot be read."""
    image = read_small(path, side, scale)
    return cross(side) if image is None else fitted(image, side)


def read_small(path: Path, side: int, scale: DepthScale = EACH_ALONE) -> Image.Image | None:
    """Read the image at ``path``, upright RGB, at a reduced size where that is quicker.

    Its longer side has at least ``side`` pixels, as far as the file has as many. None where it
    cannot be read.
    """
    try:
        # Twice the size: what is left of the shrinking is done with a better filter.
        return decode(read_bytes(path), 2 * side, formats_of(path), scale)
    except UnreadableImage:
        return None


def fitted(image: Image.Image, side: int) -> Tiles:
    """Place an RGB image, whole and in its proportions, in the middle of a tile [side, side, 3]."""
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # Pixels of small images stay pixels: they are what the network saw.
    larger = scale >= 2
    resampling = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    tile = Image.new("RGB", (side, side), GROUND)
    small = image.resize(size, resampling, reducing_gap=None if larger else 3.0)
    tile.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(tile)


def cross(side: int) -> Tiles:
    """Draw the tile [side, side, 3] that stands for an image that cannot be read."""
    tile = Image.new("RGB", (side, side), GROUND)
    draw = ImageDraw.Draw(tile)
    near, far = side // 4, side - 1 - side // 4
    width = max(1, side // 24)
    draw.line((near, near, far, far), INK, width)
    draw.line((near, far, far, near), INK, width)
    return np.asarray(tile)


def shrunk(tiles: Tiles, side: int) -> Tiles:
    """Return the same tiles, ``side`` pixels wide."""
    if tiles.shape[1] == side:
        return tiles
    smaller = np.empty((len(tiles), side, side, 3), np.uint8)
    for place, tile in enumerate(tiles):
        image = Image.fromarray(tile)
        smaller[place] = np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))
    return smaller


def sheet(tiles: Tiles, columns: int, gap: int = 2) -> Image.Image:
    """Lay tiles [N, side, side, 3] in rows of ``columns``, ``gap`` white pixels between them.

    Places without a tile are white. ValueError for no tiles.
    """
    if not len(tiles) or columns < 1:
        raise ValueError("a sheet needs at least one tile and one column")
    step = tiles.shape[1] + gap
    rows = -(-len(tiles) // columns)
    paper = Image.new("RGB", (columns * step - gap, rows * step - gap), PAPER)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        paper.paste(Image.fromarray(tile), (column * step, row * step))
    return paper


def as_jpeg(image: Image.Image, quality: int = 70) -> bytes:
    """Encode the image as a JPEG file; equal images give equal bytes."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def as_jpegs(pictures: Mapping[str, Image.Image], limit: int) -> dict[str, bytes]:
    """Encode pictures as JPEG files of the best quality with which all fit into ``limit`` bytes.

    The files have the names of the pictures. Where not even the lowest quality fits, it is taken.
    """
    files: dict[str, bytes] = {}
    for quality in QUALITIES:
        files = {key: as_jpeg(picture, quality) for key, picture in pictures.items()}
        if sum(map(len, files.values())) <= limit:
            break
    return files
