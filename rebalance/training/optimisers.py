"""Optimisers: the groups of parameters, from stem to head, and what each step sets them to.

A new optimiser is a function here and its line in ``OPTIMISERS``. Imports torch and nothing
heavier.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from rebalance.models.network import Network
from rebalance.settings import Recipe
from rebalance.training.schedules import CYCLED_MOMENTUM, SCHEDULES, Phase

SQUARE_MOMENTUM = 0.99  # as fastai has it
EPSILON = 1e-5

Groups = Sequence[list[nn.Parameter]]


def parameter_groups(network: Network) -> list[list[nn.Parameter]]:
    """The trainable parts from stem to head: each child of the body, then all outside the body.

    A child with no weights but those of a normalisation belongs to the child before it.
    """
    body = network.body
    groups = [list(body.parameters(recurse=False))]
    for child in body.children():
        parameters = list(child.parameters())
        if all(parameter.ndim < 2 for parameter in parameters):
            groups[-1] += parameters
        else:
            groups.append(parameters)
    known = {id(parameter) for parameter in body.parameters()}
    head = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [group for group in (*groups, head) if group]


def adamw(groups: Groups, weight_decay: float) -> torch.optim.Optimizer:
    """Decoupled decay, and none of biases and normalisation: fastai's Adam."""
    parts = []
    for group, parameters in enumerate(groups):
        matrices = [parameter for parameter in parameters if parameter.ndim > 1]
        vectors = [parameter for parameter in parameters if parameter.ndim < 2]
        parts.append({"params": matrices, "weight_decay": weight_decay, "group": group})
        parts.append({"params": vectors, "weight_decay": 0.0, "group": group})
    betas = (CYCLED_MOMENTUM[0], SQUARE_MOMENTUM)
    return torch.optim.AdamW(parts, betas=betas, eps=EPSILON, fused=True)


def sgd(groups: Groups, weight_decay: float) -> torch.optim.Optimizer:
    """With momentum; the decay is part of the gradient, and of every parameter's."""
    parts = [{"params": parameters, "group": group} for group, parameters in enumerate(groups)]
    # Not fused: that fails where some parameters begin to train later than others, as here after
    # the frozen phase. Rate and momentum are set before every step.
    return torch.optim.SGD(parts, lr=0.0, weight_decay=weight_decay)


OPTIMISERS: dict[str, Callable[[Groups, float], torch.optim.Optimizer]] = {
    optimiser.__name__: optimiser
    for optimiser in (
        adamw,
        sgd,
    )
}


def set_rates(optimiser: torch.optim.Optimizer, done: float, phase: Phase, recipe: Recipe) -> None:
    """Rate and momentum of every group, when ``done`` epochs of the phase are over."""
    schedule = SCHEDULES[recipe.schedule]
    for part in optimiser.param_groups:
        part["lr"], momentum = schedule(done, phase.peaks[part["group"]], phase, recipe)
        if "betas" in part:
            part["betas"] = (momentum, SQUARE_MOMENTUM)
        else:
            part["momentum"] = momentum


def freeze_body(network: Network) -> None:
    """All of the body but its BatchNorm layers."""
    network.body.requires_grad_(False)
    for module in network.body.modules():
        if isinstance(module, _BatchNorm):
            module.requires_grad_(True)
