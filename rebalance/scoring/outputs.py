"""What a network says of images: probabilities, and the embedding that its last layer sees.

Imports torch only to run it; never click.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import DataError
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

    from rebalance.models.network import Network
    from rebalance.training.dataset import ImageDataset


class Outputs(NamedTuple):
    """What a network says of N images.

    probabilities: [N, K]. features: the embedding [N, D], as ``Network.embed`` has it.
    """

    probabilities: NDArray[np.float64]
    features: NDArray[np.float32]


class HeldOut(NamedTuple):
    """What a network says of images that it did not learn from, and their class index [N].

    by: what they are, in words.
    """

    outputs: Outputs
    labels: Sequence[int]
    by: str


def predict(
    network: "Network",
    dataset: "ImageDataset",
    probabilities: "Callable[[Tensor], Tensor] | None" = None,
    *,
    positions: Sequence[int] | None = None,
    device: str,
    precision: str,
    batch_size: int,
    workers: int,
    progress: Progress = silent,
) -> Outputs:
    """Return what the network says of images of ``dataset``, without augmentation.

    positions: of the images in the dataset, in the order wanted; None for all of them.
    probabilities: of logits [N, K], as the loss it was trained with has it
    (``losses.Loss.probabilities``); None for the softmax. workers: threads that read images, 0 to
    read in this one. The network stays on ``device`` and in evaluation mode.

    Raises DataError for an image that cannot be read, and where there are none.
    """
    wanted = range(len(dataset)) if positions is None else positions
    if not len(wanted):
        raise DataError("images to score are needed, but there are none: give a folder with some")
    turn = probabilities or (lambda logits: logits.softmax(dim=1))
    images = ordered_map(dataset.pixels, wanted, workers)
    shown = progress(images, total=len(wanted), what="predicting", unit="images")
    # In double precision, where a softmax near 1 still tells images apart that AUC is to rank.
    answers = [
        (turn(logits.cpu().double()).numpy(), features.float().cpu().numpy())
        for logits, features in _forward(network, dataset, shown, device, precision, batch_size)
    ]
    said, seen = zip(*answers, strict=True)
    return Outputs(np.concatenate(said), np.concatenate(seen))


def _forward(
    network: "Network",
    dataset: "ImageDataset",
    images: "Iterable[Tensor]",
    device: str,
    precision: str,
    batch_size: int,
) -> "Iterator[tuple[Tensor, Tensor]]":
    """Logits and embeddings of each batch."""
    import torch

    from rebalance.models.devices import autocast

    # In the memory format that it has: another would move the last digits of later training.
    network = network.eval().to(device)
    remaining = iter(images)
    while batch := list(islice(remaining, batch_size)):
        with torch.inference_mode(), autocast(device, precision):
            pixels = dataset.transform.normalise(torch.stack(batch).to(device))
            yield network.answer(pixels.contiguous(memory_format=torch.channels_last))
