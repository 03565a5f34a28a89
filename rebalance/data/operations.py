"""Operations that make an augmented image of an image file, each with its numbers in a text.

A text such as ``flip,rotate=12.5,noise=0.03:17`` says all: what it makes of an image depends on
nothing else. A new operation is a function and its line in ``OPERATIONS``. Imports numpy and
Pillow; never torch or click.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, cos, hypot, radians, sin
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from rebalance.errors import SettingError, shown
from rebalance.settings.numbers import LARGEST_SEED, Range, read_number

Picture = Image.Image
BOUND = Range(least=0, most=1)  # of a box, as a share of the side


def flip(image: Picture) -> Picture:
    """Mirror an image: left and right change places."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(image: Picture) -> Picture:
    """Turn an image upside down, mirrored: top and bottom change places."""
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def scale(image: Picture, factor: float) -> Picture:
    """Enlarge what an image shows about its centre, or shrink it for a factor below 1."""
    return _moved(image, (1 / factor, 0, 0, 1 / factor), (0, 0))


def rotate(image: Picture, angle: float) -> Picture:
    """Turn what an image shows about its centre, by an angle in degrees, anticlockwise."""
    across, up = cos(radians(angle)), sin(radians(angle))
    return _moved(image, (across, -up, up, across), (0, 0))


def shift(image: Picture, right: float, down: float) -> Picture:
    """Move what an image shows by shares of its width and of its height."""
    return _moved(image, (1, 0, 0, 1), (-right * image.width, -down * image.height))


def brightness(image: Picture, factor: float) -> Picture:
    """Make an image brighter, or darker for a factor below 1: every value times the factor."""
    return ImageEnhance.Brightness(image).enhance(factor)


def contrast(image: Picture, factor: float) -> Picture:
    """Move every value away from the mean grey of the image, or towards it below 1."""
    return ImageEnhance.Contrast(image).enhance(factor)


def blur(image: Picture, deviation: float) -> Picture:
    """Blur an image by a Gaussian whose deviation is a share of the shorter side."""
    return image.filter(ImageFilter.GaussianBlur(deviation * min(image.size)))


def noise(image: Picture, deviation: float, seed: int) -> Picture:
    """Add Gaussian noise to every value, its deviation a share of the whole range.

    The numbers are those of ``numpy.random.default_rng(seed)``, row by row.
    """
    rng = np.random.default_rng(seed)
    values = np.array(image, dtype=np.float32)
    values += 255 * deviation * rng.standard_normal(values.shape, dtype=np.float32)
    return _as_image(values)


def paste(
    image: Picture, partner: Picture, left: float, top: float, right: float, bottom: float
) -> Picture:
    """Lay a box of an image over a partner that is stretched to its size, at the same place.

    The bounds are shares of the width and the height, rounded to whole pixels.
    """
    found = partner.copy()
    if partner.size != image.size:
        found = partner.resize(image.size, Image.Resampling.BILINEAR)
    width, height = image.size
    box = round(left * width), round(top * height), round(right * width), round(bottom * height)
    if box[0] < box[2] and box[1] < box[3]:
        found.paste(image.crop(box), box[:2])
    return found


@dataclass(frozen=True)
class ImageOperation:
    """An operation: what it does, the kind and range of each of its numbers, and what else it sees.

    takes_partner: whether it is given the image of the partner too.
    """

    apply: Callable[..., Picture]
    numbers: tuple[tuple[type, Range], ...] = ()
    takes_partner: bool = False


_FACTOR = (float, Range(above=0, most=100))
_SHARE = (float, Range(least=-1, most=1))
_DEVIATION = (float, Range(least=0, most=1))

OPERATIONS: Mapping[str, ImageOperation] = {
    "paste": ImageOperation(paste, ((float, BOUND),) * 4, takes_partner=True),
    "flip": ImageOperation(flip),
    "vflip": ImageOperation(vflip),
    "scale": ImageOperation(scale, ((float, Range(least=0.1, most=100)),)),
    "rotate": ImageOperation(rotate, ((float, Range(least=-360, most=360)),)),
    "shift": ImageOperation(shift, (_SHARE, _SHARE)),
    "brightness": ImageOperation(brightness, (_FACTOR,)),
    "contrast": ImageOperation(contrast, (_FACTOR,)),
    "blur": ImageOperation(blur, (_DEVIATION,)),
    "noise": ImageOperation(noise, (_DEVIATION, (int, Range(least=0, most=LARGEST_SEED)))),
}

Step = tuple[ImageOperation, tuple[Any, ...]]


def read_operations(text: str, *, has_partner: bool) -> list[Step]:
    """The operations that a text names, in its order, with their numbers.

    has_partner: whether there is a partner to look at; one operation at least must, if so. Raises
    SettingError for an operation that is not known, or not with these numbers.

    >>> from rebalance.data.operations import read_operations
    >>> [numbers for _, numbers in read_operations("flip,rotate=12.5", has_partner=False)]
    [(), (12.5,)]
    """
    steps = [_step(each.strip()) for each in text.split(",")]
    takes = any(operation.takes_partner for operation, _ in steps)
    if takes != has_partner:
        what = "names no partner to paste on" if takes else "looks at no partner, and has one"
        raise SettingError(f"the operation {shown(text)} {what}: make the manifest anew")
    return steps


def operate(image: Picture, partner: Picture | None, text: str) -> Picture:
    """Make the augmented image that a text tells, of an image in 8-bit RGB and as large as it is.

    partner: the image of the recipe's partner, None where it has none. Neither is modified. Raises
    SettingError as ``read_operations``.

    >>> from PIL import Image
    >>> from rebalance.data.operations import operate
    >>> image = Image.new("RGB", (2, 1))
    >>> image.putpixel((0, 0), (9, 8, 7))
    >>> operate(image, None, "flip").getpixel((1, 0))
    (9, 8, 7)
    """
    for each in filter(None, (image, partner)):
        if each.mode != "RGB":
            raise SettingError(
                f"an operation needs images in RGB; got {each.mode}: convert it first"
            )
    for operation, numbers in read_operations(text, has_partner=partner is not None):
        seen = (image, partner) if operation.takes_partner else (image,)
        image = operation.apply(*seen, *numbers)
    return image


def _step(text: str) -> Step:
    name, equals, told = text.partition("=")
    if name not in OPERATIONS:
        raise SettingError(
            f"no operation {shown(name)}, only {', '.join(OPERATIONS)}: update rebalance, or make "
            "the manifest anew"
        )
    operation, texts = OPERATIONS[name], told.split(":") if equals else []
    if len(texts) != len(operation.numbers):
        raise SettingError(
            f"the operation {name} takes {len(operation.numbers)} numbers; got {shown(text)}"
        )
    what = f"the operation {name}: a number must be"
    return operation, tuple(
        read_number(what, each, *known)
        for each, known in zip(texts, operation.numbers, strict=True)
    )


def _moved(
    image: Picture, turn: tuple[float, float, float, float], offset: tuple[float, float]
) -> Picture:
    """Show at each place p, from the centre, what lies at ``turn`` times p, plus ``offset``.

    Bilinear; what comes into view at the borders is mirrored.
    """
    width, height = image.size
    far = max(hypot(*turn[:2]), hypot(*turn[2:])) * hypot(width, height) / 2
    aside = ceil(max(0, far + abs(offset[0]) - width / 2)) + 1
    above = ceil(max(0, far + abs(offset[1]) - height / 2)) + 1
    margins = ((above, above), (aside, aside), (0, 0))
    wider = Image.fromarray(np.pad(np.asarray(image), margins, mode="symmetric"))
    a, b, c, d = turn
    # Pillow counts from the corner: the centre of the image is to be that of what it shows.
    across = width / 2 + aside + offset[0] - a * width / 2 - b * height / 2
    down = height / 2 + above + offset[1] - c * width / 2 - d * height / 2
    data = (a, b, across, c, d, down)
    return wider.transform(
        image.size, Image.Transform.AFFINE, data, resample=Image.Resampling.BILINEAR
    )


def _as_image(values: np.ndarray[Any, np.dtype[np.float32]]) -> Picture:
    """The image of values in [0, 255], rounded to the nearest; what lies outside is cut off."""
    return Image.fromarray(np.rint(values, out=values).clip(0, 255).astype(np.uint8))
