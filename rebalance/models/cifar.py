"""Residual networks for images of about 32 pixels. Imports torch and torchvision.

Source: He, Zhang, Ren & Sun, Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2:
three stages of n blocks with 16, 32 and 64 channels, 6n + 2 layers, and shortcuts without weights.
``cifar_resnet18``, ``34`` and ``50`` are not of that section: these are the paper's networks for
ImageNet with a stem for small images, as the literature on CIFAR has them.
"""

from collections.abc import Callable
from functools import partial

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import pad

from rebalance.models.wide_resnet import WideResNet


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut without weights (the paper's option A)."""

    def __init__(self, width_in: int, width_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width_out)
        self.stride = stride
        self.added = width_out - width_in

    def forward(self, features: Tensor) -> Tensor:
        residual = self.relu(self.bn1(self.conv1(features)))
        residual = self.bn2(self.conv2(residual))
        return torch.relu(residual + self._shortcut(features))

    def _shortcut(self, features: Tensor) -> Tensor:
        if self.stride == 1 and self.added == 0:
            return features
        return pad(features[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))


def _stage(width_in: int, width_out: int, blocks: int) -> nn.Sequential:
    first = BasicBlock(width_in, width_out, stride=width_out // width_in)
    return nn.Sequential(first, *(BasicBlock(width_out, width_out, 1) for _ in range(blocks - 1)))


class CifarResNet(nn.Module):
    """A residual network of ``depth`` = 6n + 2 layers: images [N, 3, H, W] to logits [N, K].

    The weights start as He et al. draw them (normal, variance 2 / fan-out). Raises ValueError for
    any other depth.
    """

    def __init__(self, depth: int, num_classes: int) -> None:
        super().__init__()
        blocks, remainder = divmod(depth - 2, 6)
        if remainder or blocks < 1:
            raise ValueError(f"depth must be 6n + 2 with n >= 1, got {depth}")
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(16, 16, blocks)
        self.layer2 = _stage(16, 32, blocks)
        self.layer3 = _stage(32, 64, blocks)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        features = self.relu(self.bn1(self.conv1(images)))
        features = self.layer3(self.layer2(self.layer1(features)))
        logits: Tensor = self.fc(self.avgpool(features).flatten(1))
        return logits


def with_small_stem(arch: str, num_classes: int) -> nn.Module:
    """Build torchvision's ``arch``, a ResNet, with a stem for images of 32 pixels.

    Its first convolution is 3×3 with stride 1, and nothing is pooled before the first stage, so
    that 32 pixels end as a map of 4. The stem's weights start as torchvision draws the others.
    """
    net: nn.Module = torchvision.models.get_model(arch, weights=None, num_classes=num_classes)
    net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    net.maxpool = nn.Identity()
    return net


CIFAR_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    **{f"cifar_resnet{depth}": partial(CifarResNet, depth) for depth in (20, 32, 56)},
    **{
        f"cifar_resnet{depth}": partial(with_small_stem, f"resnet{depth}") for depth in (18, 34, 50)
    },
    **{
        f"cifar_wrn{depth}_{width}": partial(WideResNet, depth, width)
        for depth, width in ((16, 4), (16, 8), (28, 2), (28, 10), (40, 2), (40, 4))
    },
}
