"""Layers that look at a batch as a whole, made to see that of all processes together.

torch's SyncBatchNorm does the same on GPUs alone. Imports torch and nothing heavier.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rebalance.training.replicas import Replicas


@contextmanager
def synchronised(network: nn.Module, replicas: Replicas, rows: int) -> Iterator[None]:
    """For a while, BatchNorm takes the statistics of all processes, and dropout one common draw.

    rows: the images of the forward pass, over all processes, of which this one has each
    ``world``-th; every process has the same random state. With both, a forward pass is that of one
    process, but for rounding. Alone, nothing changes.
    """
    replaced: list[Any] = []
    for module in network.modules() if replicas.world > 1 else ():
        if isinstance(module, _BatchNorm):
            forward = partial(_batch_norm, module)
        elif isinstance(module, nn.Dropout):
            forward = partial(_dropout, module, replicas, rows)
        else:
            continue
        object.__setattr__(module, "forward", forward)
        replaced.append(module)
    try:
        yield
    finally:
        for module in replaced:
            del module.forward


class _Sum(torch.autograd.Function):
    """The sum of a tensor over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.forward(ctx, gradient.contiguous())


def _batch_norm(module: _BatchNorm, features: Tensor) -> Tensor:
    if not module.training:
        plain: Tensor = type(module).forward(module, features)
        return plain
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    others = [0, *range(2, wide.ndim)]
    shape = (1, -1, *(1,) * (wide.ndim - 2))
    own = wide.new_tensor([wide.numel() / wide.shape[1]])
    *_, count = sums = _summed(torch.cat([wide.sum(others), own]))
    mean = sums[:-1] / count
    centred = wide - mean.view(shape)
    variance: Tensor = _summed(centred.square().sum(others)) / count
    _keep_statistics(module, mean.detach(), (variance * count / (count - 1)).detach())
    normal: Tensor = centred * (variance + module.eps).rsqrt().view(shape)
    if module.affine:
        normal = normal * module.weight.view(shape) + module.bias.view(shape)
    return normal.to(features.dtype)


def _summed(tensor: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(tensor)
    return total


def _keep_statistics(module: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if module.running_mean is None or module.running_var is None:
        return
    assert module.num_batches_tracked is not None
    module.num_batches_tracked += 1
    share = module.momentum
    weight = 1 / float(module.num_batches_tracked) if share is None else share
    module.running_mean.lerp_(mean.to(module.running_mean.dtype), weight)
    module.running_var.lerp_(variance.to(module.running_var.dtype), weight)


def _dropout(module: nn.Dropout, replicas: Replicas, rows: int, features: Tensor) -> Tensor:
    if not module.training:
        return features
    ones = features.new_ones(rows, *features.shape[1:])
    mask = nn.functional.dropout(ones, module.p)
    return features * mask[replicas.rank :: replicas.world]
