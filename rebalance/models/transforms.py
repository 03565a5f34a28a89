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
from rebalance.settings import CROP, RESIZES, STRETCH

if TYPE_CHECKING:
    from torch import Tensor

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
# torch rounds the places that nearest looks at otherwise, and has none of the others.
_TORCHS_OWN = ("bilinear", "bicubic")
SQUASH = "squash"  # how some networks of other libraries see an image; no choice of ours

# An image this many times longer than wide is shortened before it is resized, for a line of
# 1 × 50,000 pixels would become gigabytes. A crop shows one width about the centre at most, so its
# ends are cut off; a stretched image has its longer side resized by itself first.
_LONGEST_SIDE = 8

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Transform:
    """Make an image a square of ``crop`` pixels and normalise it, as torchvision does.

    resize, crop: pixels, with resize >= crop >= 1.
    mean, std: red, green and blue, of values in [0, 1].
    interpolation: nearest, box, bilinear, hamming, bicubic or lanczos; always antialiased.
    fit: ``crop`` resizes the shorter side to ``resize`` and crops the centre, as torchvision's
        ImageClassification; ``stretch`` resizes both sides to ``crop``, so that all is seen and
        proportions are lost, as its Resize of two numbers; ``squash`` resizes both sides to
        ``resize`` and crops the centre.
    floor: whether a centre between two pixels is the one nearer to the corner, as for transformers;
        for torchvision it is the even one.
    Raises ValueError for anything else.
    """

    resize: int
    crop: int
    mean: Channels
    std: Channels
    interpolation: str
    fit: str = CROP
    floor: bool = False

    def __post_init__(self) -> None:
        if not self.resize >= self.crop >= 1:
            raise ValueError(f"need resize >= crop >= 1, got {self.resize} and {self.crop}")
        if self.interpolation not in _RESAMPLING:
            raise ValueError(f"unknown interpolation {self.interpolation!r}")
        if self.fit not in (*RESIZES, SQUASH):
            raise ValueError(f"unknown way to resize {self.fit!r}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError("mean and std must have three values, those of std above 0")

    @property
    def shorter_side(self) -> int:
        """The pixels that the shorter side of an image is resized to."""
        return self.crop if self.fit == STRETCH else self.resize

    def image(self, image: Image.Image) -> Tensor:
        """Return an RGB image as the network sees it: uint8 [3, crop, crop]."""
        import torch

        width, height = image.size
        left, top = self._surplus(width, height)
        if left or top:
            image = image.crop((left, top, width - left, height - top))
        for size in self._steps(*image.size):
            image = image.resize(size, _RESAMPLING[self.interpolation])
        left, top = map(self._corner, image.size)
        pixels = np.array(image.crop((left, top, left + self.crop, top + self.crop)))
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()

    def fitted(self, pixels: Tensor) -> Tensor:
        """Return an image uint8 [3, H, W] as the network sees it: uint8 [3, crop, crop].

        The pixels are those of ``image``, found by torch's own resizing, which follows Pillow's.
        """
        import torch

        if self.interpolation not in _TORCHS_OWN:
            return self.image(Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()))
        height, width = pixels.shape[1:]
        top, left = self._surplus(height, width)
        pixels = pixels[:, top : height - top, left : width - left]
        for size in self._steps(*pixels.shape[1:]):
            if size != tuple(pixels.shape[1:]):
                pixels = torch.nn.functional.interpolate(
                    pixels[None], size, mode=self.interpolation, antialias=True
                )[0]
        top, left = map(self._corner, pixels.shape[1:])
        return pixels[:, top : top + self.crop, left : left + self.crop].contiguous()

    def normalise(self, batch: Tensor) -> Tensor:
        """Normalise a batch uint8 [N, 3, H, W] with the weights' statistics, to float32."""
        import torch

        mean = torch.tensor(self.mean, device=batch.device).view(-1, 1, 1)
        std = torch.tensor(self.std, device=batch.device).view(-1, 1, 1)
        # One copy, changed in place: each further one was measured to cost as much as all of this.
        return batch.to(torch.float32, copy=True).div_(255).sub_(mean).div_(std)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types; ``from_dict`` reads them back.

        ``fit`` and ``floor`` only where they are other than they were before there was a choice.
        """
        fields = {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
        if self.fit == CROP:
            del fields["fit"]
        if not self.floor:
            del fields["floor"]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Transform:
        """Make the transform that ``to_dict`` described.

        Raises KeyError, TypeError or ValueError for anything else.
        """
        return cls(
            resize=int(fields["resize"]),
            crop=int(fields["crop"]),
            mean=channels_of(fields["mean"]),
            std=channels_of(fields["std"]),
            interpolation=str(fields["interpolation"]),
            fit=str(fields.get("fit", CROP)),
            floor=bool(fields.get("floor", False)),
        )

    def _surplus(self, one: int, other: int) -> tuple[int, int]:
        """Return how much of each end of either side is cut off, being beyond what a crop shows."""
        longest = _LONGEST_SIDE * min(one, other) if self.fit == CROP else max(one, other)
        return max(0, one - longest) // 2, max(0, other - longest) // 2

    def _steps(self, one: int, other: int) -> list[tuple[int, int]]:
        """Return the sizes that an image is resized to, one after the other."""
        if self.fit != CROP:
            side = self.shorter_side
            if max(one, other) <= _LONGEST_SIDE * min(one, other):
                return [(side, side)]
            return [(one, side) if one < other else (side, other), (side, side)]
        # torchvision's own rounding: down for the resized side, to even for the crop's corner.
        long = int(self.resize * max(one, other) / min(one, other))
        return [(self.resize, long) if one <= other else (long, self.resize)]

    def _corner(self, side: int) -> int:
        surplus = side - self.crop
        return surplus // 2 if self.floor else round(surplus / 2)


def channels_of(values: Any) -> Channels:
    """Return the three numbers of ``values``. Raises TypeError or ValueError for anything else."""
    red, green, blue = (float(value) for value in values)
    return red, green, blue


CIFAR_TRANSFORM = Transform(
    resize=32,
    crop=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    interpolation="bilinear",
)

# By architecture: the side that the authors of EfficientNet-Lite trained it with. They resize to 32
# pixels more, and their mean and deviation are 127 and 128 of 255.
LITE_TRANSFORMS = {
    f"efficientnet_lite{place}": Transform(
        resize=side + 32,
        crop=side,
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        interpolation="bicubic",
    )
    for place, side in enumerate((224, 240, 260))
}


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
        mean=channels_of(preset.mean),
        std=channels_of(preset.std),
        interpolation=preset.interpolation.value,
    )


def plain_transform(arch: str) -> Transform:
    """Return the transform for ``arch`` where its weights do not come from torchvision's loader.

    32 pixels for ``cifar_*``, the authors' own for EfficientNet-Lite; otherwise that of the weights
    IMAGENET1K_V1, which most files that go by the architecture's name hold, or of DEFAULT where
    there are none of that name. Raises ExtractorError for an unknown architecture.
    """
    import torchvision

    from rebalance.models.backbones import find_family
    from rebalance.models.cifar import CIFAR_NETWORKS

    find_family(arch)
    if arch in CIFAR_NETWORKS:
        return CIFAR_TRANSFORM
    if arch in LITE_TRANSFORMS:
        return LITE_TRANSFORMS[arch]
    first = "IMAGENET1K_V1"
    entries = torchvision.models.get_model_weights(arch)
    return torchvision_transform(arch, weights=first if first in entries.__members__ else "DEFAULT")


def with_view(transform: Transform, size: int | None, resize: str | None) -> Transform:
    """Return ``transform`` for squares of ``size`` pixels, made by ``resize``; None is its own.

    Raises ExtractorError for a size below 1.
    """
    found = transform if size is None else with_image_size(transform, size)
    return found if resize is None else replace(found, fit=resize)


def with_image_size(transform: Transform, size: int) -> Transform:
    """Return ``transform`` for a network that sees squares of ``size`` pixels.

    The resized side grows in proportion, so that the crop shows the same part of an image. Raises
    ExtractorError for a size below 1.
    """
    if size < 1:
        raise ExtractorError(f"an image size must be at least 1 pixel, not {size}")
    resize = round(size * transform.resize / transform.crop)
    return replace(transform, resize=max(resize, size), crop=size)
