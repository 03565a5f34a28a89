"""Output layers other than a network's own: what a loss asks for, and heads trained anew.

Imports torch only.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from rebalance.errors import ExtractorError
from rebalance.models.cosine import CosineLinear
from rebalance.models.network import ConcatPool, Network, layer_widths

FRESH = "fresh"  # the name, in the output, of a layer that was put there after training


def output_width(network: Network) -> int:
    """Return how many logits ``network`` gives.

    Raises ExtractorError where its last layer is neither linear nor gives cosines.
    """
    if isinstance(network.last, CosineLinear):
        return len(network.last.weight)
    return _linear(network.last).out_features


def gives_cosines(network: Network) -> bool:
    """Tell whether the logits of ``network`` are cosines."""
    return isinstance(network.last, CosineLinear)


def weight_norms(network: Network) -> list[float]:
    """Return the Euclidean norm of each class's weights in the last layer, without its bias.

    Networks trained on imbalanced classes give large ones longer weights (Kang et al. 2020). Where
    logits are cosines, as under LDAM, the norm decides nothing.
    """
    *_, last = (module for module in network.output.modules() if hasattr(module, "weight"))
    weight = last.get_parameter("weight").detach()
    norms: list[float] = weight.flatten(1).double().norm(dim=1).tolist()
    return norms


def with_cosine_output(network: Network) -> Network:
    """Put a new last layer that gives cosines on ``network``, whose modules are shared.

    The weights come from torch's global generator. Raises ExtractorError where the last layer is
    not a linear one.
    """
    last = _linear(network.last)
    output = nn.Sequential(OrderedDict(list(network.output.named_children())[:-1]))
    output.add_module("cosine", CosineLinear(last.in_features, last.out_features))
    return Network(network.body, network.hidden, output, network.image_size)


def with_fresh_output(network: Network, classes: int) -> Network:
    """Put a new linear layer on the embedding of ``network``, whose other modules are shared.

    What lies below its last layer stays as it was trained. The weights come from torch's global
    generator. Raises ExtractorError where the body cannot take the images it was made for.
    """
    last = network.last
    if isinstance(last, nn.Linear):
        width = last.in_features
    else:
        width = layer_widths(network, network.image_size)["embedding"]
    steps = list(network.output.named_children())
    if not network.ends_with_linear:
        steps = [("average", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()), ("", nn.Module())]
    output = fresh_output(steps[:-1], width, classes)
    return Network(network.body, network.hidden, output, network.image_size)


def fresh_output(steps: Sequence[tuple[str, nn.Module]], width: int, classes: int) -> nn.Sequential:
    """Put a new linear layer on ``width`` numbers after named steps; see ``with_fresh_output``."""
    output = nn.Sequential(OrderedDict(steps))
    output.add_module(FRESH, nn.Linear(width, classes))
    return output


def has_fresh_output(network: Network) -> bool:
    """Tell whether the last layer of ``network`` is as ``with_fresh_output`` makes it."""
    names = [name for name, _ in network.output.named_children()]
    return names[-1:] == [FRESH]


def with_pooled_head(network: Network, classes: int) -> Network:
    """Put a pool and one linear layer on the body of ``network``, which is shared.

    A fresh head was this before it was put on the embedding, and runs of then are still read.
    """
    width = layer_widths(network, network.image_size)["pool"]
    output = nn.Sequential(ConcatPool(), nn.Linear(width, classes))
    return Network(network.body, None, output, network.image_size)


def has_pooled_head(network: Network) -> bool:
    """Tell whether ``network`` has what ``with_pooled_head`` makes, but for its last layer."""
    below = [type(module) for module in network.output.children()][:-1]
    return network.hidden is None and below == [ConcatPool]


def _linear(layer: nn.Module) -> nn.Linear:
    if not isinstance(layer, nn.Linear):
        raise ExtractorError(
            f"this needs a network that ends with a linear layer, found {type(layer).__name__}: "
            "choose another --arch"
        )
    return layer
