"""EfficientNet-Lite, for which torchvision has no network. Imports torch and torchvision.

Source: Tan & Le, EfficientNet, ICML 2019, table 1, in the variant that its authors publish as
``lite`` (github.com/tensorflow/tpu, models/official/efficientnet/lite): ReLU6 in place of swish, no
squeeze-and-excitation, and a stem, a first and a last stage that are not scaled. Modules are named
as the weights of lukemelas' EfficientNet-PyTorch name them, but for a ``_`` before every part.
"""

from collections.abc import Callable
from functools import partial
from math import ceil

from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.ops import StochasticDepth

# Of each stage: blocks, kernel, stride, how many times wider a block is inside, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280  # channels
DROPPED = 0.2  # the last block's share of images that pass it by while training


class HalvingPad(nn.Module):
    """Zeros around a map, as TensorFlow's ``same`` has them before a convolution with stride 2.

    A side of an even number of pixels has one zero more at its end than at its beginning.
    """

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.after = kernel // 2

    def forward(self, features: Tensor) -> Tensor:
        """Put zeros around the map."""
        height, width = features.shape[2], features.shape[3]
        before = self.after - 1
        sides = (before + width % 2, self.after, before + height % 2, self.after)
        return pad(features, sides)


def _padding(kernel: int, stride: int) -> tuple[nn.Module, int]:
    """Return what pads a map before a convolution, and how far the convolution pads by itself."""
    return (nn.Identity(), kernel // 2) if stride == 1 else (HalvingPad(kernel), 0)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedBottleneck(nn.Module):
    """A 1×1 convolution to more channels, one of each channel by itself, and one back to few.

    The input is added where it has the shape of the result. dropped: the share of images for which
    only that input remains, while training.
    """

    def __init__(
        self, inside: int, width_in: int, width_out: int, kernel: int, stride: int, dropped: float
    ) -> None:
        super().__init__()
        wide = width_in * inside
        self.expand_conv: nn.Conv2d | None = None
        if inside > 1:
            self.expand_conv = nn.Conv2d(width_in, wide, 1, bias=False)
            self.bn0 = _norm(wide)
        self.pad, padding = _padding(kernel, stride)
        self.depthwise_conv = nn.Conv2d(
            wide, wide, kernel, stride, padding, groups=wide, bias=False
        )
        self.bn1 = _norm(wide)
        self.project_conv = nn.Conv2d(wide, width_out, 1, bias=False)
        self.bn2 = _norm(width_out)
        self.relu6 = nn.ReLU6(inplace=True)
        self.adds = stride == 1 and width_in == width_out
        self.depth = StochasticDepth(dropped, mode="row")

    def forward(self, features: Tensor) -> Tensor:
        """Return the map [N, C, h, w] after this block."""
        wide = features
        if self.expand_conv is not None:
            wide = self.relu6(self.bn0(self.expand_conv(wide)))
        wide = self.relu6(self.bn1(self.depthwise_conv(self.pad(wide))))
        narrow: Tensor = self.bn2(self.project_conv(wide))
        return self.depth(narrow) + features if self.adds else narrow


class EfficientNetLite(nn.Module):
    """The network: images [N, 3, H, W] to logits [N, K].

    width, depth: how many times as many channels and blocks as lite0 a stage has. dropout: of the
    input of the last layer. The weights start as the authors draw them.
    """

    def __init__(self, width: float, depth: float, dropout: float, num_classes: int) -> None:
        super().__init__()
        self.pad, padding = _padding(3, stride=2)
        self.conv_stem = nn.Conv2d(3, STEM, 3, 2, padding, bias=False)
        self.bn0 = _norm(STEM)
        self.relu6 = nn.ReLU6(inplace=True)
        shapes = _shapes(width, depth)
        self.blocks = nn.Sequential(
            *(
                InvertedBottleneck(*shape, dropped=DROPPED * place / len(shapes))
                for place, shape in enumerate(shapes)
            )
        )
        self.conv_head = nn.Conv2d(shapes[-1][2], HEAD, 1, bias=False)
        self.bn1 = _norm(HEAD)
        self.head_relu6 = nn.ReLU6(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(HEAD, num_classes)
        _begin(self)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits."""
        features = self.relu6(self.bn0(self.conv_stem(self.pad(images))))
        features = self.head_relu6(self.bn1(self.conv_head(self.blocks(features))))
        logits: Tensor = self.fc(self.dropout(self.avgpool(features).flatten(1)))
        return logits


def _shapes(width: float, depth: float) -> list[tuple[int, int, int, int, int]]:
    """List the blocks: how much wider each is inside, its channels in and out, kernel, stride."""
    shapes, width_in = [], STEM
    for place, (blocks, kernel, stride, inside, channels) in enumerate(STAGES):
        width_out = _rounded(channels * width)
        scaled = 0 < place < len(STAGES) - 1
        for step in range(ceil(blocks * depth) if scaled else blocks):
            shapes.append((inside, width_in, width_out, kernel, stride if step == 0 else 1))
            width_in = width_out
    return shapes


def _rounded(channels: float) -> int:
    """Return the nearest multiple of 8, or the next one where it is less than nine tenths."""
    nearest = int(channels + 4) // 8 * 8
    return nearest + 8 if nearest < 0.9 * channels else nearest


def _begin(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
        elif isinstance(module, nn.Linear):
            nn.init.uniform_(module.weight, -(reach := module.out_features**-0.5), reach)
            nn.init.zeros_(module.bias)


LITE_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "efficientnet_lite0": partial(EfficientNetLite, 1.0, 1.0, 0.2),
    "efficientnet_lite1": partial(EfficientNetLite, 1.0, 1.1, 0.2),
    "efficientnet_lite2": partial(EfficientNetLite, 1.1, 1.2, 0.3),
}
