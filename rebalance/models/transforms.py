"""The transform of an image into the input of a network.

Split in two, so that batches travel to a GPU as bytes: ``Transform.image`` resizes and crops one
image to uint8, ``Transform.normalise`` makes float32 of a batch on whatever device it is.
Importing this module imports neither torch nor torchvision; the functions that need them do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from rebalance.errors import ExtractorError

if TYPE_CHECKING:
    from torch import Tensor

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

# An image this many times longer than wide loses its ends before it is resized: the crop shows
# one width about the centre at most, and a line of 1 × 50,000 pixels would become gigabytes.
_LONGEST_SIDE = 8

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Transform:
    """Resize the shorter side, crop the centre, normalise: torchvision's ImageClassification.

    resize, crop: pixels, with resize >= crop >= 1.
    mean, std: red, green and blue, of values in [0, 1].
    interpolation: nearest, bilinear or bicubic; always antialiased.
    Raises ValueError for anything else.
    """

    resize: int
    crop: int
    mean: Channels
    std: Channels
    interpolation: str

    def __post_init__(self) -> None:
        if not self.resize >= self.crop >= 1:
            raise ValueError(f"need resize >= crop >= 1, got {self.resize} and {self.crop}")
        if self.interpolation not in _RESAMPLING:
            raise ValueError(f"unknown interpolation {self.interpolation!r}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError("mean and std must have three values, those of std above 0")

    def image(self, image: Image.Image) -> Tensor:
        """Return the centre of an RGB image as uint8 [3, crop, crop]."""
        import torch

        pixels = np.array(self._centre(_bounded(image)))
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()

    def centre(self, pixels: Tensor) -> Tensor:
        """Return the centre of an image uint8 [3, H, W], as uint8 [3, crop, crop].

        The pixels are those of ``image``, found by torch's own resizing, which follows Pillow's.
        """
        import torch

        if self.interpolation == "nearest":  # torch rounds the places to look at otherwise
            return self.image(Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()))
        height, width = pixels.shape[1:]
        top, left = _surplus((height, width))
        pixels = pixels[:, top : height - top, left : width - left]
        height, width = self._resized(*pixels.shape[1:])
        if (height, width) != tuple(pixels.shape[1:]):
            pixels = torch.nn.functional.interpolate(
                pixels[None], (height, width), mode=self.interpolation, antialias=True
            )[0]
        top, left = self._corner(height), self._corner(width)
        return pixels[:, top : top + self.crop, left : left + self.crop].contiguous()

    def normalise(self, batch: Tensor) -> Tensor:
        """Normalise a batch uint8 [N, 3, H, W] with the weights' statistics, to float32."""
        import torch

        mean = torch.tensor(self.mean, device=batch.device).view(-1, 1, 1)
        std = torch.tensor(self.std, device=batch.device).view(-1, 1, 1)
        # One copy, changed in place: each further one was measured to cost as much as all of this.
        return batch.to(torch.float32, copy=True).div_(255).sub_(mean).div_(std)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types; ``from_dict`` reads them back."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Transform:
        """Make the transform that ``to_dict`` described.

        Raises KeyError, TypeError or ValueError for anything else.
        """
        return cls(
            resize=int(fields["resize"]),
            crop=int(fields["crop"]),
            mean=_channels(fields["mean"]),
            std=_channels(fields["std"]),
            interpolation=str(fields["interpolation"]),
        )

    def _centre(self, image: Image.Image) -> Image.Image:
        width, height = self._resized(*image.size)
        resized = image.resize((width, height), _RESAMPLING[self.interpolation])
        left, top = self._corner(width), self._corner(height)
        return resized.crop((left, top, left + self.crop, top + self.crop))

    def _resized(self, one: int, other: int) -> tuple[int, int]:
        # torchvision's own rounding: down for the resized side, to even for the crop's corner.
        long = int(self.resize * max(one, other) / min(one, other))
        return (self.resize, long) if one <= other else (long, self.resize)

    def _corner(self, side: int) -> int:
        return round((side - self.crop) / 2)


def _bounded(image: Image.Image) -> Image.Image:
    width, height = image.size
    left, top = _surplus(image.size)
    return image.crop((left, top, width - left, height - top)) if left or top else image


def _surplus(sides: tuple[int, int]) -> tuple[int, int]:
    """Return how far each end of either side is beyond ``_LONGEST_SIDE``."""
    longest = _LONGEST_SIDE * min(sides)
    one, other = (max(0, side - longest) // 2 for side in sides)
    return one, other


def _channels(values: Any) -> Channels:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


CIFAR_TRANSFORM = Transform(
    resize=32,
    crop=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    interpolation="bilinear",
)


def torchvision_transform(arch: str, *, weights: str = "DEFAULT") -> Transform:
    """Return the transform that torchvision's ``weights`` of ``arch`` were trained with.

    Raises ExtractorError for an unknown architecture, and for weights that it does not have.
    """
    import torchvision

    from rebalance.models.backbones import find_family

    find_family(arch)
    try:
        entries = torchvision.models.get_model_weights(arch)
        preset = entries[weights].transforms()
    except (KeyError, ValueError):
        raise ExtractorError(
            f"torchvision has no weights {weights} of {arch}; pass another --arch"
        ) from None
    return Transform(
        resize=preset.resize_size[0],
        crop=preset.crop_size[0],
        mean=_channels(preset.mean),
        std=_channels(preset.std),
        interpolation=preset.interpolation.value,
    )


def plain_transform(arch: str) -> Transform:
    """Return the transform for ``arch`` where its weights do not come from torchvision's loader.

    32 pixels for ``cifar_*``; otherwise that of the weights IMAGENET1K_V1, which most files that go
    by the architecture's name hold, or of DEFAULT where there are none of that name. Raises
    ExtractorError for an unknown architecture.
    """
    import torchvision

    from rebalance.models.backbones import find_family
    from rebalance.models.cifar import CIFAR_RESNETS

    find_family(arch)
    if arch in CIFAR_RESNETS:
        return CIFAR_TRANSFORM
    first = "IMAGENET1K_V1"
    entries = torchvision.models.get_model_weights(arch)
    return torchvision_transform(arch, weights=first if first in entries.__members__ else "DEFAULT")


def with_image_size(transform: Transform, size: int) -> Transform:
    """Return ``transform`` for a network that sees squares of ``size`` pixels.

    The resized side grows in proportion, so that the crop shows the same part of an image. Raises
    ExtractorError for a size below 1.
    """
    if size < 1:
        raise ExtractorError(f"an image size must be at least 1 pixel, not {size}")
    resize = round(size * transform.resize / transform.crop)
    return replace(transform, resize=max(resize, size), crop=size)
