"""The body of a network as a graph for inference, with BatchNorms folded into convolutions.

Imports torch only.
"""

from copy import copy
from inspect import signature
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_conv_bn_weights

from rebalance.models.network import forget

IDLE = (nn.Dropout, nn.Dropout2d, nn.Identity)  # what they do in evaluation: nothing


def trace_body(body: nn.Module) -> fx.GraphModule:
    """Trace ``body``, in evaluation mode, to a graph of its own that shares the weights it can.

    A BatchNorm that follows a convolution becomes part of it, in the precision of its weights. What
    torch.fx cannot trace raises whatever its tracing does: the errors are those of the modules.
    """
    try:
        graph = fx.symbolic_trace(body)
    finally:
        forget(body)  # or it would go on with what stood for tensors
    _drop_assertions(graph)
    modules = dict(graph.named_modules())
    for node in list(graph.graph.nodes):
        if _is_idle(node, modules):
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
        elif (folded := _folded(graph, node, modules)) is not None:
            convolution = node.args[0]
            name = f"folded_{convolution.name}"  # of this call: modules may be called twice
            graph.add_submodule(name, folded)
            modules[name] = folded
            convolution.target = name
            node.replace_all_uses_with(convolution)
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def module_of(node: object, modules: dict[str, nn.Module]) -> nn.Module | None:
    """Return the module that a node of a graph calls; None for a node that calls none."""
    if isinstance(node, fx.Node) and node.op == "call_module":
        return modules[str(node.target)]
    return None


def _is_idle(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    if isinstance(module_of(node, modules), IDLE):
        return True
    # torchvision's stochastic depth: (input, p, mode, training)
    return getattr(node.target, "__name__", "") == "stochastic_depth" and node.args[3] is False


def _drop_assertions(graph: fx.GraphModule) -> None:
    """Remove what only looks at shapes, which are those that the caller compares both by.

    It would count as a use of what it looks at.
    """
    for node in list(graph.graph.nodes):
        if node.target is torch._assert:
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()


def _folded(
    graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module]
) -> nn.Module | None:
    """Return the convolution before ``node`` with a BatchNorm in it, if that is what ``node`` is.

    A BatchNorm is torch's module, or a call of its function in a module that another library made.
    """
    before = node.args[0] if node.args else None
    convolution = module_of(before, modules)
    if not isinstance(convolution, nn.Conv2d) or len(before.users) > 1:  # type: ignore[union-attr]
        return None
    norm = module_of(node, modules)
    if isinstance(norm, nn.BatchNorm2d):
        return fuse_conv_bn_eval(convolution, norm)
    if node.target is not nn.functional.batch_norm:
        return None
    given = signature(nn.functional.batch_norm).bind(*node.args, **node.kwargs)
    given.apply_defaults()
    mean, variance, scale, shift = (
        _tensor(graph, given.arguments[name])
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    if given.arguments["training"] or mean is None or variance is None:
        return None
    folded = copy(convolution)  # whose parameters are replaced, and not changed
    folded._parameters = dict(convolution._parameters)
    folded.weight, folded.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        mean,
        variance,
        given.arguments["eps"],
        scale,
        shift,
    )
    return folded


def _tensor(graph: fx.GraphModule, node: Any) -> Tensor | None:
    """Return the parameter or buffer that a node of a graph stands for; None for anything else."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    found: Tensor | None = attrgetter(str(node.target))(graph)
    return found
