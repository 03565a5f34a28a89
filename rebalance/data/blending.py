"""Blends of images: the recipe of a synthetic sample, in pixel space.

Imports numpy and Pillow; never torch or click.
"""

import numpy as np
from PIL import Image

from rebalance.errors import SettingError


def blend(base: Image.Image, partner: Image.Image, weight: float) -> Image.Image:
    """Return ``(1 - weight) * base + weight * partner``, an 8-bit RGB image as large as ``base``.

    base, partner: 8-bit RGB; neither is modified. The partner is resized to the size of the base
    (bilinear, antialiased where it shrinks). weight: from 0, the base exactly, to 1, the resized
    partner exactly. Values are computed in float32 and rounded to the nearest, half to even.

    Raises SettingError for a weight outside [0, 1] and for images of another mode.

    >>> from PIL import Image
    >>> from rebalance.data.blending import blend
    >>> black, white = (Image.new("RGB", (1, 1), colour) for colour in ("black", "white"))
    >>> blend(black, white, 0.25).getpixel((0, 0))
    (64, 64, 64)
    """
    if not 0 <= weight <= 1:
        raise SettingError(f"the weight of a blend lies between 0 and 1; got {weight!r}")
    for image in (base, partner):
        if image.mode != "RGB":
            raise SettingError(f"a blend needs images in RGB; got {image.mode}: convert it first")
    if partner.size != base.size:
        partner = partner.resize(base.size, Image.Resampling.BILINEAR)
    # In place, for these may be the largest images that are let through.
    values = np.array(base, dtype=np.float32)
    values *= 1 - weight
    other = np.array(partner, dtype=np.float32)
    other *= weight
    values += other
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))
