"""Wide residual networks for images of about 32 pixels. Imports torch only.

Source: Zagoruyko & Komodakis, Wide Residual Networks, BMVC 2016, table 1: three groups of blocks
with 16, 32 and 64 channels, all times a width.
"""

import torch
from torch import Tensor, nn


class WideBlock(nn.Module):
    """Two 3×3 convolutions, each after BatchNorm and ReLU, beside a shortcut.

    Where the block changes the number of channels, the shortcut is a 1×1 convolution of what the
    first convolution sees; elsewhere it is the input itself. The paper's block B(3, 3), without
    dropout.
    """

    def __init__(self, width_in: int, width_out: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.conv1 = nn.Conv2d(width_in, width_out, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width_out)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1, bias=False)
        self.shortcut: nn.Conv2d | None = None
        if width_in != width_out:
            self.shortcut = nn.Conv2d(width_in, width_out, 1, stride, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        activated = torch.relu(self.bn1(features))
        residual: Tensor = self.conv2(torch.relu(self.bn2(self.conv1(activated))))
        return residual + (features if self.shortcut is None else self.shortcut(activated))


def _group(width_in: int, width_out: int, blocks: int, stride: int) -> nn.Sequential:
    first = WideBlock(width_in, width_out, stride)
    return nn.Sequential(first, *(WideBlock(width_out, width_out, 1) for _ in range(blocks - 1)))


class WideResNet(nn.Module):
    """The network WRN-``depth``-``width``: images [N, 3, H, W] to logits [N, K].

    depth: 6n + 4, the convolutions, for n blocks in each group. width: how many times as many
    channels as He et al. have. The weights start as He et al. draw them (normal, variance 2 /
    fan-out). Raises ValueError for any other depth or width.
    """

    def __init__(self, depth: int, width: int, num_classes: int) -> None:
        super().__init__()
        blocks, remainder = divmod(depth - 4, 6)
        if remainder or blocks < 1 or width < 1:
            raise ValueError(
                f"need depth 6n + 4 with n >= 1 and width >= 1, got {depth} and {width}"
            )
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.layer1 = _group(16, 16 * width, blocks, stride=1)
        self.layer2 = _group(16 * width, 32 * width, blocks, stride=2)
        self.layer3 = _group(32 * width, 64 * width, blocks, stride=2)
        self.bn1 = nn.BatchNorm2d(64 * width)
        self.relu = nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64 * width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Tensor) -> Tensor:
        features = self.layer3(self.layer2(self.layer1(self.conv1(images))))
        features = self.relu(self.bn1(features))
        logits: Tensor = self.fc(self.avgpool(features).flatten(1))
        return logits
