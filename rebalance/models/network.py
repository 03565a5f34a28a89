"""The network: a body and a head, and the layers whose features separate subclasses.

Imports torch and our own architectures; never torchvision by itself.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rebalance.errors import ExtractorError
from rebalance.models.backbones import divide
from rebalance.models.cosine import CosineLinear
from rebalance.settings import LAYERS


def concat_pool(features: Tensor) -> Tensor:
    """Pool a map [N, C, h, w] to [N, 2C]: its maximum per channel, then its mean.

    The mean is taken in float32 or better. One vector per image, [N, D], passes unchanged.
    """
    if features.ndim == 2:
        return features
    dtype = torch.promote_types(features.dtype, torch.float32)
    return torch.cat([features.amax((2, 3)), features.mean((2, 3), dtype=dtype)], dim=1)


class ConcatPool(nn.Module):
    """The module that applies ``concat_pool``."""

    def forward(self, features: Tensor) -> Tensor:
        """Pool the map."""
        return concat_pool(features)


class Network(nn.Module):
    """A classifier whose inner layers can be read.

    body: images [N, 3, H, W] to a map [N, C, h, w], or to one vector [N, D] (a ViT's class token,
        or what another library pools); one of its modules then says so by ``gives_vector``.
    hidden: from there to the last linear layer before the output, after its activation, [N, h];
        None where the output layer is the only one.
    output: from ``hidden``, or from the body where it is None, to the logits [N, K].
    image_size: side in pixels of the square images that the body was designed for.
    """

    def __init__(
        self,
        body: nn.Module,
        hidden: nn.Module | None,
        output: nn.Module,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        self.body = body
        self.hidden = hidden
        self.output = output
        self.image_size = image_size

    @property
    def available(self) -> tuple[str, ...]:
        """The layers that this network has, out of ``LAYERS``."""
        absent = set()
        if gives_vector(self.body):
            absent.add("body")
        if self.hidden is None:
            absent.add("linear")
        return tuple(layer for layer in LAYERS if layer not in absent)

    def layers(self, images: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """Compute the features of ``images`` [N, 3, H, W] at the layers ``wanted``, in one pass.

        body: the map, flattened [N, C·h·w]; pool: ``concat_pool`` of it [N, 2C]; linear: [N, h];
        embedding: see ``embed``. A vector [N, D] is its own pool, and has no body. Raises
        ExtractorError for a layer that this network has not.
        """
        absent = sorted(set(wanted) - set(self.available))
        if absent:
            raise ExtractorError(
                f"the network has no layer {absent[0]}; pass --layer {'|'.join(self.available)}"
            )
        features = self.body(images)
        found: dict[str, Tensor] = {}
        if "body" in wanted:
            found["body"] = features.flatten(1)
        if "pool" in wanted:
            found["pool"] = concat_pool(features)
        if "linear" in wanted and self.hidden is not None:
            found["linear"] = self.hidden(features)
        if "embedding" in wanted:
            found["embedding"] = self.embed(features)
        return found

    @property
    def last(self) -> nn.Module:
        """The last layer."""
        *_, last = [self.output, *self.output.children()]
        return last

    @property
    def ends_with_linear(self) -> bool:
        """Tell whether the last layer takes one vector per image.

        SqueezeNet's is a convolution, which decides at every place of the map.
        """
        return isinstance(self.last, nn.Linear | CosineLinear)

    def embed(self, features: Tensor) -> Tensor:
        """Compute the embedding [N, D] of what the body gives: the input of the last linear layer.

        In evaluation mode dropout does nothing to it. Where no layer is such, it is the mean of the
        map, per channel. Source: the feature embedding of Dablain et al. 2023.
        """
        if not self.ends_with_linear:
            dtype = torch.promote_types(features.dtype, torch.float32)
            return features.mean((2, 3), dtype=dtype)
        if self.hidden is not None:
            features = self.hidden(features)
        for module in list(self.output.children())[:-1]:
            features = module(features)
        return features

    def answer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the logits [N, K] and the embedding [N, D] of images, in one pass."""
        features = self.body(images)
        embedding = self.embed(features)
        logits: Tensor = self.last(embedding) if self.ends_with_linear else self.output(features)
        return logits, embedding

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits [N, K] of images [N, 3, H, W]."""
        features = self.body(images)
        logits: Tensor = self.output(features if self.hidden is None else self.hidden(features))
        return logits


def gives_vector(body: nn.Module) -> bool:
    """Tell whether a body gives one vector [N, D] per image, by the trait of a module of it."""
    return any(getattr(module, "gives_vector", False) for module in (body, *body.children()))


def network_of(arch: str, net: nn.Module, image_size: int) -> Network:
    """Wrap ``net``, of architecture ``arch``, as a Network with its own modules and head.

    Raises ExtractorError for an unknown architecture.
    """
    body, tail = divide(arch, net)
    return Network(body, *_split(tail), image_size)


def with_new_head(network: Network, classes: int) -> Network:
    """Put a new ``paper_head`` on the body of ``network``, which is shared and not copied."""
    width = layer_widths(network, network.image_size)["pool"]
    return Network(network.body, *_split(paper_head(width, classes)), network.image_size)


def paper_head(width: int, classes: int) -> nn.Sequential:
    """Build the head from a map of ``width``/2 channels, or ``width`` numbers, to the logits.

    Pooling, then twice BatchNorm, dropout and a linear layer. Source: Lehmann & Ebner, VISAPP 2022,
    by way of fastai's vision_learner (docs/methods.md, "Recipes"); as there, the linear layers
    start as He et al. draw them, at zero bias.
    """
    head = nn.Sequential(
        ConcatPool(),
        nn.BatchNorm1d(width),
        nn.Dropout(0.25),
        nn.Linear(width, 512),
        nn.ReLU(),
        nn.BatchNorm1d(512),
        nn.Dropout(0.5),
        nn.Linear(512, classes),
    )
    for module in head:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)
    return head


def take(network: Network, image_size: int) -> None:
    """Make ``network`` one for square images of ``image_size`` pixels, where it can be.

    Convolutions take nearly any size; another library's body that is made for one may know how to
    be made for another. Raises ExtractorError where the network cannot take that size.
    """
    body: Any = network.body
    if hasattr(body, "take"):
        with _telling(network, image_size):
            body.take(image_size)
        layer_widths(network, image_size)
        network.image_size = image_size
    else:
        layer_widths(network, image_size)


def forget(module: nn.Module) -> None:
    """Let a network in evaluation mode forget what it remembers of the images it has passed.

    Some of other libraries keep what they computed of their weights; these drop it as training
    begins, which tells them here that the weights are others now.
    """
    module.train()
    module.eval()


def layer_widths(network: Network, image_size: int) -> dict[str, int]:
    """Find the columns of each available layer, for square images of ``image_size`` pixels.

    Found by passing one black image. Raises ExtractorError where the network cannot take that
    size: a vision transformer takes only its own, others shrink a small image to nothing.
    """
    device = next(network.parameters()).device
    with _telling(network, image_size):
        image = torch.zeros(1, 3, image_size, image_size, device=device)
        with torch.no_grad(), _evaluating(network):
            layers = network.layers(image, network.available)
    return {name: features.shape[1] for name, features in layers.items()}


def _split(tail: nn.Sequential) -> tuple[nn.Sequential | None, nn.Sequential]:
    """Split a tail into (hidden, output); hidden ends after the last linear layer but one."""
    linear = [place for place, module in enumerate(tail) if isinstance(module, nn.Linear)]
    if len(linear) < 2:
        return None, tail
    end = linear[-2] + 2
    return tail[:end], tail[end:]


@contextmanager
def _telling(network: Network, image_size: int) -> Iterator[None]:
    """Make an ExtractorError of what a network raises for images that it cannot take."""
    try:
        yield
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ExtractorError(
            f"the network cannot take images of {image_size} pixels; "
            f"pass --image-size {network.image_size}, which it was made for"
        ) from error


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Put ``network`` in evaluation mode inside the block, and restore each module afterwards."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
