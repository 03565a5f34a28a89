"""The convolutions of a traced body as oneDNN's fused operators: bias, addition and activation.

Those operators are what torch's own compiler calls for a frozen network, without the compiler; they
are private, so that whoever packs a network holds it against the plain one (``checking``).
Imports torch only.
"""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from rebalance.forward.tracing import module_of


class Activation(NamedTuple):
    """An activation: oneDNN's name for it, its numbers and its variant."""

    name: str
    scalars: list[float]
    variant: str = ""


NONE = Activation("none", [])
RELU = Activation("relu", [])

# By module, for an activation that comes right after a convolution.
ACTIVATIONS: dict[type[nn.Module], Callable[[Any], Activation]] = {
    nn.ReLU: lambda module: RELU,
    nn.ReLU6: lambda module: Activation("hardtanh", [0.0, 6.0]),
    nn.Hardtanh: lambda module: Activation("hardtanh", [module.min_val, module.max_val]),
    nn.LeakyReLU: lambda module: Activation("leaky_relu", [module.negative_slope]),
    nn.SiLU: lambda module: Activation("swish", []),
    nn.Hardswish: lambda module: Activation("hardswish", []),
    nn.Hardsigmoid: lambda module: Activation("hardsigmoid", []),
    nn.Sigmoid: lambda module: Activation("sigmoid", []),
    nn.Tanh: lambda module: Activation("tanh", []),
    nn.GELU: lambda module: Activation("gelu", [], module.approximate),
}
RELU_CALLS = (torch.relu, torch.relu_, nn.functional.relu, "relu", "relu_")
ADDITIONS = (torch.add, operator.add, operator.iadd, "add", "add_")


class PackedConvolution(nn.Module):
    """A convolution whose weights lie as oneDNN wants them for inputs of one shape.

    shape: [N, C, H, W] of the inputs. dtype: of weights and results, float32 or bfloat16. Called
    with a second map, it adds that to the result before the activation, which may then be NONE or
    RELU only. The result is channels-last.
    """

    def __init__(self, convolution: nn.Conv2d, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        super().__init__()
        self.geometry = (
            list(convolution.padding),
            list(convolution.stride),
            list(convolution.dilation),
            convolution.groups,
        )
        self.dtype = dtype
        self.activation = NONE
        self.bias = None if convolution.bias is None else convolution.bias.detach().to(dtype)
        weight = convolution.weight.detach().to(dtype).to_mkldnn()
        self.weight = torch._C._nn.mkldnn_reorder_conv2d_weight(  # type: ignore[call-arg]
            weight, *self.geometry, list(shape)
        )

    def forward(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        """Convolve ``features``, add ``added`` if it is given, and apply the activation."""
        features = self._laid_out(features)
        operators, name, numbers, variant = torch.ops.mkldnn, *self.activation
        result: Tensor
        if added is None:
            result = operators._convolution_pointwise(
                features, self.weight, self.bias, *self.geometry, name, numbers, variant
            )
        else:
            result = operators._convolution_pointwise.binary(
                features,
                self._laid_out(added),
                self.weight,
                self.bias,
                *self.geometry,
                "add",
                1.0,
                None if self.activation == NONE else name,
                numbers,
                variant,
            )
        return result

    def _laid_out(self, features: Tensor) -> Tensor:
        return features.to(self.dtype).contiguous(memory_format=torch.channels_last)


def pack(
    graph: fx.GraphModule, example: Tensor, batch_size: int, dtype: torch.dtype
) -> fx.GraphModule:
    """Pack every convolution of ``graph``, which is changed in place.

    example: images [n, 3, H, W], passed once to find every shape. batch_size: what will be passed
    from then on.
    """
    with torch.inference_mode():
        ShapeProp(graph).propagate(example)
    modules = dict(graph.named_modules())
    for node in list(graph.graph.nodes):
        module = module_of(node, modules)
        if isinstance(module, nn.Conv2d) and _is_plain(module):
            shape = (batch_size, *_shape(node.args[0])[1:])
            packed = PackedConvolution(module, shape, dtype)
            node.target = f"packed_{node.name}"
            graph.add_submodule(str(node.target), packed)
            modules[str(node.target)] = packed
    for node in list(graph.graph.nodes):
        if node.target in ADDITIONS:
            _absorb_addition(graph, node, modules)
    for node in list(graph.graph.nodes):
        _absorb_activation(graph, node, modules)
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def _is_plain(convolution: nn.Conv2d) -> bool:
    return convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str)


def _shape(node: Any) -> tuple[int, ...]:
    """Return the shape of a node's result; it is empty where the result is no tensor."""
    return tuple(getattr(node.meta.get("tensor_meta"), "shape", ()))


def _absorb_addition(graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module]) -> None:
    """Let a convolution also do an addition that alone uses its result."""
    if len(node.args) != 2 or node.kwargs or not all(isinstance(n, fx.Node) for n in node.args):
        return
    for convolution, other in (node.args, node.args[::-1]):
        packed = module_of(convolution, modules)
        if (
            isinstance(packed, PackedConvolution)
            and convolution is not other
            and len(convolution.users) == 1  # type: ignore[union-attr]
            and len(convolution.args) == 1  # type: ignore[union-attr]
            and _shape(convolution) == _shape(other)
        ):
            # Where the addition was, for the other side may be computed after the convolution.
            with graph.graph.inserting_before(node):
                both = (convolution.args[0], other)  # type: ignore[union-attr]
                summed = graph.graph.call_module(str(convolution.target), both)  # type: ignore[union-attr]
            summed.meta = node.meta
            node.replace_all_uses_with(summed)
            graph.graph.erase_node(node)
            graph.graph.erase_node(convolution)  # type: ignore[arg-type]
            return


def _absorb_activation(graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module]) -> None:
    """Let a convolution also do an activation that alone uses its result."""
    before = node.args[0] if node.args else None
    packed = module_of(before, modules)
    activation = _activation(node, modules)
    if activation is None or not isinstance(packed, PackedConvolution):
        return
    if len(before.users) > 1 or packed.activation != NONE:  # type: ignore[union-attr]
        return
    if len(before.args) > 1 and activation != RELU:  # type: ignore[union-attr]
        return  # after an addition oneDNN's operator knows no other
    packed.activation = activation
    node.replace_all_uses_with(before)  # type: ignore[arg-type]
    graph.graph.erase_node(node)


def _activation(node: fx.Node, modules: dict[str, nn.Module]) -> Activation | None:
    module = module_of(node, modules)
    if module is not None:
        known = ACTIVATIONS.get(type(module))
        return known(module) if known else None
    return RELU if node.target in RELU_CALLS else None
