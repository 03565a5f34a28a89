"""Output layers that a loss asks for. Imports torch only."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from rebalance.errors import ExtractorError
from rebalance.models.network import ConcatPool, Network, layer_widths


class CosineLinear(nn.Module):
    """A last layer that gives cosines [N, K] between features [N, D] and weights, no bias.

    Computed in float32 or better: bfloat16 cosines, scaled by 30, would be off by a tenth. The
    weights start at random directions. Source: Cao et al., NeurIPS 2019, after NormFace (2017).
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(normalize(torch.randn(classes, width)))

    def forward(self, features: Tensor) -> Tensor:
        """Compute the cosines in float32 or better."""
        with torch.autocast(features.device.type, enabled=False):
            wide = features.to(torch.promote_types(features.dtype, torch.float32))
            return linear(normalize(wide), normalize(self.weight.to(wide.dtype)))


def output_width(network: Network) -> int:
    """Return how many logits ``network`` gives.

    Raises ExtractorError where its last layer is neither linear nor gives cosines.
    """
    last = _output_layer(network)
    if isinstance(last, CosineLinear):
        return len(last.weight)
    return _linear(last).out_features


def gives_cosines(network: Network) -> bool:
    """Tell whether the logits of ``network`` are cosines."""
    return isinstance(_output_layer(network), CosineLinear)


def with_cosine_output(network: Network) -> Network:
    """Put a new last layer that gives cosines on ``network``, whose modules are shared.

    The weights come from torch's global generator. Raises ExtractorError where the last layer is
    not a linear one.
    """
    last = _linear(_output_layer(network))
    output = nn.Sequential(OrderedDict(list(network.output.named_children())[:-1]))
    output.add_module("cosine", CosineLinear(last.in_features, last.out_features))
    return Network(network.body, network.hidden, output, network.image_size)


def with_linear_head(network: Network, classes: int) -> Network:
    """Put a pool and one linear layer on the body of ``network``, which is shared.

    The weights come from torch's global generator. Raises ExtractorError where the body cannot
    take the images it was made for.
    """
    width = layer_widths(network, network.image_size)["pool"]
    output = nn.Sequential(ConcatPool(), nn.Linear(width, classes))
    return Network(network.body, None, output, network.image_size)


def has_linear_head(network: Network) -> bool:
    """Tell whether ``network`` has a head as ``with_linear_head`` makes it."""
    kinds = [type(module) for module in network.output.children()]
    return network.hidden is None and kinds == [ConcatPool, nn.Linear]


def _output_layer(network: Network) -> nn.Module:
    *_, last = [network.output, *network.output.children()]
    return last


def _linear(layer: nn.Module) -> nn.Linear:
    if not isinstance(layer, nn.Linear):
        raise ExtractorError(
            f"this needs a network that ends with a linear layer, found {type(layer).__name__}: "
            "choose another --arch"
        )
    return layer
