"""The body of a network as a graph for inference, with BatchNorms folded into convolutions.

Imports torch only.
"""

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

IDLE = (nn.Dropout, nn.Dropout2d, nn.Identity)  # what they do in evaluation: nothing


def trace_body(body: nn.Module) -> fx.GraphModule:
    """Trace ``body``, in evaluation mode, to a graph of its own that shares the weights it can.

    A BatchNorm that follows a convolution becomes part of it, in the precision of its weights. What
    torch.fx cannot trace raises whatever its tracing does: the errors are those of the modules.
    """
    graph = fx.symbolic_trace(body)
    modules = dict(graph.named_modules())
    for node in list(graph.graph.nodes):
        if _is_idle(node, modules):
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
        elif _follows_convolution(node, modules):
            convolution = node.args[0]
            folded = fuse_conv_bn_eval(modules[convolution.target], modules[node.target])
            name = f"folded_{convolution.name}"  # of this call: modules may be called twice
            graph.add_submodule(name, folded)
            modules[name] = folded
            convolution.target = name
            node.replace_all_uses_with(convolution)
            graph.graph.erase_node(node)
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


def _follows_convolution(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    if not isinstance(module_of(node, modules), nn.BatchNorm2d):
        return False
    before = node.args[0]
    return isinstance(module_of(before, modules), nn.Conv2d) and len(before.users) == 1  # type: ignore[union-attr]
