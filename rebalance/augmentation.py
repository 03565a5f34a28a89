"""How training varies an image: transforms of uint8 [3, size, size] to the same shape.

A new augmentation is a function here and its line in ``AUGMENTATIONS``. Importing this module does
not import torchvision; the functions do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Augmentation = Callable[["Tensor"], "Tensor"]

CIFAR_PADDING = 4  # pixels, of images of any size


def paper_augmentation(size: int, flip_probability: float = 0.5) -> Augmentation:
    """The paper's brightness, contrast, blur, shift, scale, rotation and flips, all mild.

    What comes into view at the borders is mirrored, not black. flip_probability: of a mirror image;
    0 where left and right mean something. Source: Lehmann & Ebner, VISAPP 2022.
    """
    from torchvision.transforms import v2

    # The farthest corner that shift, scale and rotation bring into view, and a pixel to blend with.
    margin = math.ceil(size / 4) + 1
    blur = v2.GaussianBlur(2 * max(size // 32, 1) + 1, sigma=(size / 320, size / 80))
    transform: Augmentation = v2.Compose(
        [
            v2.RandomHorizontalFlip(flip_probability),
            v2.Pad(margin, padding_mode="reflect"),
            v2.RandomAffine(
                degrees=10,
                translate=(size / (size + 2 * margin) / 10,) * 2,
                scale=(0.9, 1.1),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.CenterCrop(size),
            v2.ColorJitter(brightness=0.2, contrast=0.2),
            v2.RandomApply([blur], p=0.2),
        ]
    )
    return transform


def cifar_augmentation(size: int, flip_probability: float = 0.5) -> Augmentation:
    """A random crop of the image in a black border of 4 pixels, and flips.

    flip_probability: as of ``paper_augmentation``. Source: He et al., CVPR 2016, section 4.2.
    """
    from torchvision.transforms import v2

    transform: Augmentation = v2.Compose(
        [v2.RandomCrop(size, padding=CIFAR_PADDING), v2.RandomHorizontalFlip(flip_probability)]
    )
    return transform


def no_augmentation(size: int, flip_probability: float = 0.5) -> None:
    """None: every epoch shows the image as it is."""


# From the side of the images and the probability of a flip to the transform, if there is one.
AUGMENTATIONS: dict[str, Callable[[int, float], Augmentation | None]] = {
    "paper": paper_augmentation,
    "cifar": cifar_augmentation,
    "none": no_augmentation,
}
