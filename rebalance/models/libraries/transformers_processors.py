"""The transform that an image processor of transformers stands for, found by watching it work.

Processors say the same thing in many ways: a size may be an edge, two sides, or an edge to be
divided by a share; a network may want its values shifted twice, or its colours reversed. So one is
not only read: what it makes of a few images is compared to what the transform makes of them.
Imports torch.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rebalance.errors import ExtractorError
from rebalance.models.transforms import SQUASH, Transform
from rebalance.settings import CROP, STRETCH
from rebalance.settings.running import LARGEST_SIDE

log = logging.getLogger("rebalance")

# By Pillow's number. transformers takes bilinear where a processor says none.
_INTERPOLATIONS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
_BILINEAR = 2
SIMILAR = 0.6  # levels of 255 on average: another rounding is within it, a shift of one pixel not
_SQUARES = (384, 320)  # pixels of the squares that tell whether all images get one size
_OBLONGS = ((421, 307), (290, 500))  # of the images that tell how they get it


@dataclass(frozen=True)
class Prepared:
    """What prepares the images of a network. is_reversed: it wants blue, green and red."""

    transform: Transform
    is_reversed: bool


def transform_of(processor: Any, told: str) -> Prepared:
    """Find the transform of a processor; ``told`` is what its model is called in messages.

    Raises ExtractorError for one that does not make squares of one size of all images, or makes
    them in a way that a Transform has not.
    """
    side = _side(processor, told)
    offset, scale, is_reversed = _values(processor, side)
    mean = _triple(-offset / scale, getattr(processor, "image_mean", None))
    std = _triple(1 / scale, getattr(processor, "image_std", None))
    interpolation = _interpolation(processor)
    pictures = [example(*size) for size in _OBLONGS]
    theirs = [_run(processor, picture, told) for picture in pictures]
    if any(pixels.shape[1:] != (side, side) for pixels in theirs):
        log.warning(
            "%s: its own image processor leaves an oblong image oblong; here its middle is cut "
            "out, a square of %d pixels (--resize stretch shows all of it)",
            told,
            side,
        )
        return Prepared(Transform(side, side, mean, std, interpolation, floor=True), is_reversed)
    levels = [(pixels - _column(offset)) / _column(scale) * 255 for pixels in theirs]
    if is_reversed:
        levels = [pixels.flip(0) for pixels in levels]
    found = {
        candidate: max(map(partial(_difference, candidate), pictures, levels))
        for candidate in _candidates(processor, side, mean, std, interpolation)
    }
    best = min(found, key=lambda each: found[each])
    if found[best] > SIMILAR:
        raise ExtractorError(
            f"the image processor of {told} ({type(processor).__name__}) prepares images in a "
            f"way that is not known here (the pixels differ by {found[best]:.1f} of 255 on "
            "average): extract with transformers yourself, and give the features as a file"
        )
    return Prepared(best, is_reversed)


def example(width: int, height: int) -> Image.Image:
    """Make an image of smooth noise in colour, always the same.

    Its values are far enough from black and white that no interpolation has to be cut off there.
    """
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 190, (height // 6, width // 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def _side(processor: Any, told: str) -> int:
    """Return the side of the squares that it makes of all squares."""
    sizes = {
        tuple(_run(processor, Image.new("RGB", (side, side)), told).shape) for side in _SQUARES
    }
    channels, height, width = sizes.pop()
    if sizes or channels != 3 or height != width:
        raise ExtractorError(
            f"the image processor of {told} ({type(processor).__name__}) does not make squares of "
            "one size in colour, which are needed here: name another model"
        )
    return height


def _values(processor: Any, side: int) -> tuple[Tensor, Tensor, bool]:
    """Find what black becomes [3], and what is added for white [3], as the network has channels."""
    black, white, red = (
        _run(processor, Image.new("RGB", (side, side), colour), "").double().mean((1, 2))
        for colour in ("black", "white", (255, 0, 0))
    )
    risen = (red - black).abs()
    return black, white - black, bool(risen[2] > risen[0])


def _candidates(
    processor: Any, side: int, mean: Any, std: Any, interpolation: str
) -> Iterator[Transform]:
    """Yield the transforms that the numbers of a processor may mean."""
    for resize in sorted(_edges(processor, side)):
        for fit in (CROP, STRETCH if resize == side else SQUASH):
            yield Transform(resize, side, mean, std, interpolation, fit, floor=True)


def _edges(processor: Any, side: int) -> set[int]:
    """Return the sizes before a crop that the numbers of a processor may mean."""
    size = dict(getattr(processor, "size", None) or {})
    said = {int(value) for value in size.values() if value}
    share = getattr(processor, "crop_pct", None)
    divided = {int(edge / share) for edge in said} if share else set()
    enlarged = {int(256 / 224 * edge) for edge in said}  # LeViT's, which no number of it says
    return {edge for edge in said | divided | enlarged | {side} if side <= edge <= LARGEST_SIDE}


def _interpolation(processor: Any) -> str:
    told = getattr(processor, "resample", None)
    name = getattr(told, "value", told)  # torchvision's modes are words, Pillow's numbers
    if isinstance(name, str):
        return name
    return _INTERPOLATIONS[_BILINEAR if name is None else int(name)]


def _run(processor: Any, picture: Image.Image, told: str) -> Tensor:
    """Return what it makes of one image: float32 [C, H, W]."""
    try:
        values = processor(images=picture, return_tensors="pt")["pixel_values"]
        pixels: Tensor = values[0]
        _, _, _ = pixels.shape
    except Exception as error:  # processors want texts, masks and pairs, and say so in many ways
        raise ExtractorError(
            f"the image processor of {told} ({type(processor).__name__}) does not make a picture "
            "of a picture: name a model that takes plain images"
        ) from error
    return pixels.float()


def _difference(transform: Transform, picture: Image.Image, levels: Tensor) -> float:
    """Return how far a transform is from pixels [3, H, W], in levels, on average."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    return float((transform.fitted(pixels).double() - levels).abs().mean())


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1)


def _triple(values: Tensor, said: Any) -> tuple[float, float, float]:
    """Return three numbers, as a processor says them where it means just that."""
    told = torch.tensor(said if isinstance(said, list | tuple) else [0.0], dtype=torch.float64)
    near = told.shape == values.shape and torch.allclose(told, values, atol=1e-6)
    red, green, blue = ((told if near else values) + 0.0).tolist()  # no -0
    return red, green, blue
