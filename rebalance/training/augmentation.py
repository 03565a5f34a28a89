"""How training varies images: a batch at a time, on whatever device it is, each image in its way.

torchvision's transforms draw once for a whole batch, and image by image they cost more than a small
network does; here every image brings its own random numbers, so that what it looks like depends
neither on its batch nor on who made it. ``parts`` has what they are made of, by name. Imports torch
only when called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import Tensor

CACHED = 2**20  # values that a CPU works on at a time: more would leave its cache at every step


class Augmentation(Protocol):
    """Varies images uint8 [B, 3, S, S] by their random numbers.

    draws: how many uniform numbers in [0, 1) an image takes. Called with them, float32 [B, draws]
    on the CPU, it gives images of the same shape and device, uint8 or float32 in [0, 255].
    """

    @property
    def draws(self) -> int: ...

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class NoAugmentation:
    """Every epoch shows the images as they are."""

    draws: ClassVar[int] = 0

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        return images


@dataclass(frozen=True)
class CifarAugmentation:
    """A random crop of the image in a black border of ``padding`` pixels, and flips.

    flip_probability: of a mirror image; 0 where left and right mean something.
    vflip_probability: of one upside down; only where there are any, an image takes a number more.
    Source: He et al., CVPR 2016, section 4.2.
    """

    flip_probability: float = 0.5
    padding: int = 4
    vflip_probability: float = 0.0

    @property
    def draws(self) -> int:
        """The random numbers of an image."""
        return 3 + (self.vflip_probability > 0)

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        import torch

        count, channels, height, width = images.shape
        padded = torch.nn.functional.pad(images, (self.padding,) * 4)
        flipped, down, right, *turned = draws.to(images.device).unsqueeze(2).unbind(1)
        places = 2 * self.padding + 1
        rows = torch.arange(height, device=images.device)
        for each in turned:
            rows = torch.where(each < self.vflip_probability, rows.flip(0), rows)
        rows = rows + (down * places).long()
        columns = torch.arange(width, device=images.device)
        columns = torch.where(flipped < self.flip_probability, columns.flip(0), columns)
        columns = columns + (right * places).long()
        pixels = rows.unsqueeze(2) * padded.shape[3] + columns.unsqueeze(1)
        pixels = pixels.view(count, 1, -1).expand(-1, channels, -1)
        return padded.flatten(2).gather(2, pixels).view_as(images)


@dataclass(frozen=True)
class PaperAugmentation:
    """The paper's brightness, contrast, blur, shift, scale, rotation and flips, all mild.

    What comes into view at the borders is mirrored, not black. flip_probability,
    vflip_probability: as of ``CifarAugmentation``. angle: degrees, either way. shift: share of the
    side, any way. scale, brightness, contrast: from 1 less so much to 1 more so much. blur: the
    share of the images that is blurred. Source: Lehmann & Ebner, VISAPP 2022, who give no amounts.
    """

    flip_probability: float = 0.5
    angle: float = 10.0
    shift: float = 0.1
    scale: float = 0.1
    brightness: float = 0.2
    contrast: float = 0.2
    blur: float = 0.2
    vflip_probability: float = 0.0

    @property
    def draws(self) -> int:
        """The random numbers of an image."""
        return 9 + (self.vflip_probability > 0)

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        import torch

        few = max(1, CACHED // images[0].numel()) if images.device.type == "cpu" else len(images)
        pieces = zip(torch.split(images, few), torch.split(draws, few), strict=True)
        return torch.cat([self._varied(*piece) for piece in pieces])

    @property
    def _moves(self) -> bool:
        """Tell whether a pixel may come to lie elsewhere."""
        flips = self.flip_probability or self.vflip_probability
        return bool(flips or self.angle or self.shift or self.scale)

    def _varied(self, images: Tensor, draws: Tensor) -> Tensor:
        import torch

        size, device = images.shape[3], images.device
        varied = images.to(torch.float32, copy=True)
        if self._moves:
            varied = _moved(varied, self._inverses(draws, size).to(device))
        bright, contrast, blurred, deviation = draws[:, 5:9].unbind(1)
        _brighten(varied, (1 + self.brightness * (2 * bright - 1)).to(device))
        _stretch(varied, (1 + self.contrast * (2 * contrast - 1)).to(device))
        chosen = (blurred < self.blur).nonzero().flatten()
        if len(chosen):
            sigma = ((1 + 3 * deviation[chosen]) * size / 320).to(device)
            chosen = chosen.to(device)
            varied[chosen] = _blurred(varied[chosen], sigma, radius=max(size // 32, 1))
        return varied

    def _inverses(self, draws: Tensor, size: int) -> Tensor:
        """From pixels of the result, about its centre, to those of the image: [B, 2, 3]."""
        import torch

        flipped, turned, right, down, scaled = draws[:, :5].unbind(1)
        angle = torch.deg2rad(self.angle * (2 * turned - 1))
        scale = 1 + self.scale * (2 * scaled - 1)
        cos, sin = angle.cos() / scale, angle.sin() / scale
        # Mirrored first, then scaled and rotated, then shifted; here it is undone from the end.
        mirror = torch.where(flipped < self.flip_probability, -1.0, 1.0)
        x, y = (self.shift * size * (2 * share - 1) for share in (right, down))
        rows = [mirror * cos, mirror * sin, mirror * -(cos * x + sin * y)]
        upside = torch.ones_like(cos)
        for each in draws[:, 9:].unbind(1):
            upside = torch.where(each < self.vflip_probability, -1.0, 1.0)
        rows += [upside * -sin, upside * cos, upside * (sin * x - cos * y)]
        return torch.stack(rows, dim=1).view(-1, 2, 3)


@dataclass(frozen=True)
class OneAfterAnother:
    """Images varied by ``first``, and what came of that by ``second``, by numbers of its own."""

    first: Augmentation
    second: Augmentation

    @property
    def draws(self) -> int:
        """The random numbers of an image."""
        return self.first.draws + self.second.draws

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        own = self.first.draws
        return self.second(self.first(images, draws[:, :own]), draws[:, own:])


def _moved(images: Tensor, inverses: Tensor) -> Tensor:
    """Each image under its affine map, bilinear; beyond the borders the image is mirrored."""
    import torch

    last = images.shape[3] - 1
    side = torch.arange(last + 1, device=images.device) - last / 2
    y, x = torch.meshgrid(side, side, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=2).view(1, -1, 3)
    found = points @ inverses.transpose(1, 2) + last / 2
    mirrored = last - (last - found.abs_()).abs_()
    grid = mirrored.mul_(2 / last).sub_(1).view(len(images), last + 1, last + 1, 2)
    return torch.nn.functional.grid_sample(images, grid, mode="bilinear", align_corners=True)


def _brighten(images: Tensor, factors: Tensor) -> None:
    images.mul_(factors.view(-1, 1, 1, 1)).clamp_(0, 255)


def _stretch(images: Tensor, factors: Tensor) -> None:
    """Contrast about the mean of the image in grey, ITU-R BT.601."""
    weights = images.new_tensor([0.2989, 0.587, 0.114])
    grey = (images.mean((2, 3)) @ weights).view(-1, 1, 1, 1)
    factors = factors.view(-1, 1, 1, 1)
    images.mul_(factors).add_(grey * (1 - factors)).clamp_(0, 255)


def _blurred(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Gaussian blur of each image, ``radius`` pixels each way; borders mirrored."""
    from torch.nn.functional import conv2d, pad

    count, channels, height, width = images.shape
    taps = images.new_tensor(range(-radius, radius + 1))
    kernels = (-0.5 * (taps / sigma.unsqueeze(1)).square()).softmax(dim=1)
    kernels = kernels.repeat_interleave(channels, dim=0).unsqueeze(1)
    planes = pad(images, (radius,) * 4, mode="reflect").view(
        1, count * channels, -1, width + 2 * radius
    )
    planes = conv2d(planes, kernels.unsqueeze(2), groups=count * channels)
    planes = conv2d(planes, kernels.unsqueeze(3), groups=count * channels)
    return planes.view(count, channels, height, width)
