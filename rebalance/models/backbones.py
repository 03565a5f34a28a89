"""The architectures, and where each one's body ends. Imports torch and torchvision.

A network is a *body* (images [N, 3, H, W] to a feature map [N, C, h, w], or to one vector [N, D])
and a *tail* (from there to the logits). ``FAMILIES`` says, for every family of torchvision's
classification networks, which of its modules make up either: to add an architecture, add a line.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from rebalance.errors import ExtractorError, near
from rebalance.models.cifar import CIFAR_NETWORKS
from rebalance.models.efficientnet_lite import LITE_NETWORKS

Step = str | Callable[[nn.Module], nn.Module]


@dataclass(frozen=True)
class Family:
    """The steps of the body and of the tail of a family of networks, in order.

    A step is the name of one of the network's modules; a name with ``.*`` stands for the children
    of that module, one step each; a function makes the step of what the network does without a
    module.

    auxiliary: how the names of the modules begin that only help the authors' own training. The
    network is built without them, and a file may hold them.
    """

    body: tuple[Step, ...]
    tail: tuple[Step, ...]
    auxiliary: tuple[str, ...] = ()


class Tokens(nn.Module):
    """The input of a vision transformer's layers: images to tokens [N, 1 + patches, D].

    Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021, equation 1.
    """

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.conv_proj = net.conv_proj
        self.class_token = net.class_token
        self.pos_embedding = net.encoder.pos_embedding
        self.dropout = net.encoder.dropout

    def forward(self, images: Tensor) -> Tensor:
        """Cut the images into patches, embed them, and put the class token in front."""
        patches = self.conv_proj(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        embedded: Tensor = self.dropout(tokens + self.pos_embedding)
        return embedded


class ClassToken(nn.Module):
    """The vector of each image in a vision transformer: the first of its tokens, [N, D]."""

    gives_vector = True

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the first token of each image."""
        return tokens[:, 0]


class InceptionInput(nn.Module):
    """Images normalised as for ImageNet [N, 3, H, W], to how the weights of Inception want them.

    These come from a network that saw values from -1 to 1; torchvision calls this step
    ``transform_input``.
    """

    factor: Tensor  # [3, 1, 1], a buffer
    offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        factor, offset = [each / 0.5 for each in std], [(each - 0.5) / 0.5 for each in mean]
        # Not persistent: these are no weights, and no file has them.
        self.register_buffer("factor", torch.tensor(factor).view(-1, 1, 1), persistent=False)
        self.register_buffer("offset", torch.tensor(offset).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Undo the normalisation of each channel, and map its values to [-1, 1]."""
        return images * self.factor + self.offset


def transform_input(net: nn.Module) -> nn.Module:
    """Make the step from images normalised as for ImageNet to those of Inception."""
    return InceptionInput()


def tokens(net: nn.Module) -> nn.Module:
    """Make the step from images to the tokens of a vision transformer."""
    return Tokens(net)


def class_token(net: nn.Module) -> nn.Module:
    """Make the step from tokens to the class token."""
    return ClassToken()


def relu(net: nn.Module) -> nn.Module:
    """Make a ReLU step."""
    return nn.ReLU(inplace=True)


def average(net: nn.Module) -> nn.Module:
    """Make an average-pooling step."""
    return nn.AdaptiveAvgPool2d(1)


def flatten(net: nn.Module) -> nn.Module:
    """Make a flattening step."""
    return nn.Flatten()


_RESNET = Family(
    body=("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"),
    tail=("avgpool", flatten, "fc"),
)

_CIFAR_RESNET = Family(
    ("conv1", "bn1", "relu", "layer1", "layer2", "layer3"), ("avgpool", flatten, "fc")
)
_GOOGLENET = Family(
    body=(
        transform_input,
        *("conv1", "maxpool1", "conv2", "conv3", "maxpool2"),
        *("inception3a", "inception3b", "maxpool3"),
        *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4"),
        *("inception5a", "inception5b"),
    ),
    tail=("avgpool", flatten, "dropout", "fc"),
    auxiliary=("aux1.", "aux2."),
)
_INCEPTION = Family(
    body=(
        transform_input,
        *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
        *("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
        *("Mixed_5b", "Mixed_5c", "Mixed_5d"),
        *("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
        *("Mixed_7a", "Mixed_7b", "Mixed_7c"),
    ),
    tail=("avgpool", "dropout", flatten, "fc"),
    auxiliary=("AuxLogits.",),
)

_EFFICIENTNET = Family(("features.*",), ("avgpool", flatten, "classifier.*"))
_LITE = Family(
    ("pad", "conv_stem", "bn0", "relu6", "blocks.*", "conv_head", "bn1", "head_relu6"),
    ("avgpool", flatten, "dropout", "fc"),
)

# The networks that torchvision does not have.
OWN_NETWORKS = {**CIFAR_NETWORKS, **LITE_NETWORKS}

# The start of an architecture's name -> how its network divides.
FAMILIES: dict[str, Family] = {
    "alexnet": Family(("features.*",), ("avgpool", flatten, "classifier.*")),
    "cifar_resnet18": _RESNET,
    "cifar_resnet20": _CIFAR_RESNET,
    "cifar_resnet32": _CIFAR_RESNET,
    "cifar_resnet34": _RESNET,
    "cifar_resnet50": _RESNET,
    "cifar_resnet56": _CIFAR_RESNET,
    "cifar_wrn": Family(
        ("conv1", "layer1", "layer2", "layer3", "bn1", "relu"), ("avgpool", flatten, "fc")
    ),
    "convnext": Family(("features.*",), ("avgpool", "classifier.*")),
    "densenet": Family(("features.*", relu), (average, flatten, "classifier")),
    "efficientnet_b": _EFFICIENTNET,
    "efficientnet_lite": _LITE,
    "efficientnet_v2": _EFFICIENTNET,
    "googlenet": _GOOGLENET,
    "inception": _INCEPTION,
    "maxvit": Family(("stem", "blocks.*"), ("classifier.*",)),
    "mnasnet": Family(("layers.*",), (average, flatten, "classifier.*")),
    "mobilenet_v2": Family(("features.*",), (average, flatten, "classifier.*")),
    "mobilenet_v3": Family(("features.*",), ("avgpool", flatten, "classifier.*")),
    "regnet": Family(("stem", "trunk_output.*"), ("avgpool", flatten, "fc")),
    "resnet": _RESNET,
    "resnext": _RESNET,
    "shufflenet": Family(
        ("conv1", "maxpool", "stage2", "stage3", "stage4", "conv5"), (average, flatten, "fc")
    ),
    "squeezenet": Family(("features.*",), ("classifier.*", flatten)),
    "swin": Family(("features.*", "norm", "permute"), ("avgpool", "flatten", "head")),
    "vgg": Family(("features.*",), ("avgpool", flatten, "classifier.*")),
    "vit": Family((tokens, "encoder.layers.*", "encoder.ln", class_token), ("heads.*",)),
    "wide_resnet": _RESNET,
}


def architectures() -> list[str]:
    """List every name that ``build`` knows, sorted."""
    names = [*torchvision.models.list_models(module=torchvision.models), *OWN_NETWORKS]
    return sorted(name for name in names if name.startswith(tuple(FAMILIES)))


def find_family(arch: str) -> Family:
    """Return the family of ``arch``; ExtractorError, with close matches, for an unknown name."""
    known = architectures()
    if arch not in known:
        close = near(arch, known, 3) or ["resnet50", "mobilenet_v2"]
        raise ExtractorError(f"unknown architecture {arch!r}; try --arch {' or '.join(close)}")
    return next(family for start, family in FAMILIES.items() if arch.startswith(start))


def build(arch: str, classes: int) -> nn.Module:
    """Build the network ``arch`` as its authors define it, with random weights.

    It has ``classes`` outputs. The weights come from torch's global generator. Raises
    ExtractorError for an unknown name.
    """
    family = find_family(arch)
    if arch in OWN_NETWORKS:
        return OWN_NETWORKS[arch](num_classes=classes)
    options: dict[str, Any] = {"num_classes": classes}
    if family.auxiliary:
        options |= {"aux_logits": False, "transform_input": True, "init_weights": True}
    if arch.startswith("vit"):  # built for one size: that of its published weights
        weights = torchvision.models.get_model_weights(arch).DEFAULT
        options["image_size"] = weights.meta["min_size"][0]
    net: nn.Module = torchvision.models.get_model(arch, weights=None, **options)
    return net


def divide(arch: str, net: nn.Module) -> tuple[nn.Sequential, nn.Sequential]:
    """Divide ``net``, a network of architecture ``arch``, into its body and its tail.

    Both are made of the network's own modules, not of copies, under their own names. Raises
    ExtractorError for an unknown architecture.
    """
    family = find_family(arch)
    return _chain(net, family.body), _chain(net, family.tail)


def _chain(net: nn.Module, steps: tuple[Step, ...]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(child for step in steps for child in _modules(net, step)))


def _modules(net: nn.Module, step: Step) -> Iterator[tuple[str, nn.Module]]:
    if callable(step):
        yield step.__name__, step(net)
    elif step.endswith(".*"):
        yield from net.get_submodule(step.removesuffix(".*")).named_children()
    else:
        yield step.rpartition(".")[2], net.get_submodule(step)
