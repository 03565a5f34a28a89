"""A pass of many images through a network on a processor: each core has its own batch.

One thread a forward pass wastes nothing on waiting for others, and makes a batch's features the
same whatever the number of workers. Imports torch.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from rebalance.forward.checking import packed_network
from rebalance.forward.memory import pages_kept
from rebalance.forward.passes import ForwardPass, ImageBatch, Passed, stack
from rebalance.parallel import ordered_map

AHEAD = 2  # batches of features in memory per worker


def pass_batches(
    batches: Iterable[ImageBatch], forward: ForwardPass, workers: int
) -> Iterator[Passed]:
    """Yield the features of each batch, in order, from ``workers`` threads (0: this one alone)."""
    network = forward.network.eval().to(memory_format=torch.channels_last)
    with one_thread_each():
        ours = packed_network(network, forward.transform, forward.batch_size, forward.precision)
        run = partial(_pass, replace(forward, network=ours))
        with pages_kept():  # and not those that only packing needed
            yield from ordered_map(run, batches, workers, ahead=AHEAD)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Run torch's operators in one thread, here and in threads that begin inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _pass(forward: ForwardPass, batch: ImageBatch) -> Passed:
    pictures = [picture for picture in batch.pictures if isinstance(picture, Tensor)]
    found = forward(stack(pictures, forward.buffer()))
    count = len(batch.keys)
    return Passed(batch.keys, {name: f[:count].numpy() for name, f in found.items()})
