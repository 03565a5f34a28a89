"""The forward pass of many images: batches of one shape in, features of each image out.

A network's arithmetic may differ in the last digit from one batch size to the next. With one shape,
and batches that are kept whole and in order, a run that was interrupted and taken up again gives
the same bytes as one that was not. Imports torch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rebalance.forward.reading import Encoded
from rebalance.models.devices import autocast
from rebalance.models.network import Network
from rebalance.models.transforms import Transform

Picture = Tensor | Encoded


class ImageBatch(NamedTuple):
    """Images on their way: keys that name them, and each as uint8 [3, crop, crop] or encoded."""

    keys: list[bytes]
    pictures: list[Picture]


class Passed(NamedTuple):
    """Images that have passed: their keys, and for each layer their features, float32 [n, D]."""

    keys: list[bytes]
    features: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class ForwardPass:
    """A network and the way it is run: which ``layers``, how many images at a time, and where.

    device: cpu, cuda or mps. precision: fp32 or bf16.
    """

    network: Network
    transform: Transform
    layers: Sequence[str]
    batch_size: int
    device: str
    precision: str

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """Compute the layers, in float32, of uint8 images [N, 3, crop, crop] on the same device."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            # Channels last, which convolutions are quickest on.
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            inputs = self.transform.normalise(pixels)
            found = self.network.layers(inputs, self.layers)
            return {name: features.float() for name, features in found.items()}

    def buffer(self, *, pinned: bool = False) -> Tensor:
        """Make room for a batch: uint8 [batch_size, 3, crop, crop], channels last.

        It is page-locked where that helps.
        """
        shape = (self.batch_size, 3, self.transform.crop, self.transform.crop)
        layout = torch.channels_last
        return torch.empty(shape, dtype=torch.uint8, memory_format=layout, pin_memory=pinned)


def batched(pictures: Iterable[tuple[bytes, Picture]], size: int) -> Iterator[ImageBatch]:
    """Gather consecutive images into batches of ``size``; the last may be smaller."""
    remaining = iter(pictures)
    while some := list(islice(remaining, size)):
        yield ImageBatch([key for key, _ in some], [picture for _, picture in some])


def stack(pictures: Sequence[Tensor], into: Tensor) -> Tensor:
    """Write pictures into the first rows of ``into`` [size, 3, crop, crop]; the rest is black."""
    if pictures:
        torch.stack(list(pictures), out=into[: len(pictures)])
    into[len(pictures) :] = 0
    return into


def relative_distance(features: Tensor, exact: Tensor) -> float:
    """Return how far ``features`` are from ``exact``, relative to the norm of the latter."""
    return float((features.float() - exact).norm() / exact.norm())
