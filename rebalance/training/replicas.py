"""The processes that train one network together, each on its share of every batch.

A gradient is the sum of what the processes found, each having divided by the images of the whole
step; so losses that are a mean over samples train as in one process. Those that look at the batch
as a whole (mfe, msfe, crl) see each process's share alone. Imports torch and nothing heavier.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from rebalance.distributed.processes import alone

Value = TypeVar("Value")


@dataclass(frozen=True)
class Replicas:
    """This process is number ``rank`` of ``world``; alone, it exchanges nothing."""

    rank: int
    world: int

    def begin_alike(self, network: nn.Module) -> None:
        """Give every process the parameters and buffers of the first."""
        if self.world > 1:
            for tensor in (*network.parameters(), *network.buffers()):
                distributed.broadcast(tensor.detach(), src=0)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make every gradient the sum over the processes."""
        if self.world == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over the processes, in place."""
        if self.world > 1:
            distributed.all_reduce(tensor)
        return tensor

    def from_first(self, value: Value) -> Value:
        """Return what the first process has, in all of them."""
        if self.world == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]


def replicas() -> Replicas:
    """Return the processes of torch.distributed where it is initialised, else this one alone.

    Alone too where the other processes wait for this one.
    """
    if distributed.is_available() and distributed.is_initialized() and not alone():
        return Replicas(distributed.get_rank(), distributed.get_world_size())
    return Replicas(rank=0, world=1)
