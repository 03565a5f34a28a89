"""Mean and deviation of each channel over the training images. Imports torch."""

import logging
import math
from dataclasses import replace

from torch import Tensor, int64, stack, zeros

from rebalance.errors import DataError
from rebalance.models.transforms import Channels, Transform
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent
from rebalance.training.dataset import ImageDataset

log = logging.getLogger("rebalance")

NAMES = ("red", "green", "blue")
LARGEST = 255  # value of a pixel


def normalised_by(dataset: ImageDataset, workers: int, progress: Progress = silent) -> Transform:
    """The transform of the dataset, normalising by what all of its samples hold.

    Mean and standard deviation are over every pixel that the network sees of the samples, before
    they are varied; a sample that is repeated counts as often. They do not depend on ``workers``.
    Raises DataError for an image that cannot be read, and for a channel that never varies.
    """

    def read(position: int) -> Tensor:
        return _moments(dataset.pixels(position))

    found = ordered_map(read, range(len(dataset)), workers)
    shown = progress(found, total=len(dataset), what="reading channels", unit="images")
    totals = zeros(2, 3, dtype=int64)
    for moments in shown:
        totals += moments
    count = len(dataset) * dataset.transform.crop**2
    mean, deviation = _statistics(count, *totals.tolist())
    log.info(
        "normalised by the training images: mean %s, deviation %s", _told(mean), _told(deviation)
    )
    return replace(dataset.transform, mean=mean, std=deviation)


def _moments(image: Tensor) -> Tensor:
    """The sum of the values of each channel, and that of their squares: int64 [2, 3]."""
    values = image.cpu().flatten(1).to(int64)
    return stack([values.sum(1), values.square().sum(1)])


def _statistics(count: int, sums: list[int], squares: list[int]) -> tuple[Channels, Channels]:
    """Mean and standard deviation of values in [0, 1], from exact sums of ``count`` pixels."""
    # In whole numbers, of any size: a difference of two large floats would lose the deviation.
    spreads = [count * square - total**2 for total, square in zip(sums, squares, strict=True)]
    for name, spread in zip(NAMES, spreads, strict=True):
        if spread == 0:
            raise DataError(
                f"the training images have one value of {name} in all pixels, by which nothing can "
                "be normalised: pass --normalise network"
            )
    red, green, blue = (total / count / LARGEST for total in sums)
    deviations = [math.sqrt(spread) / count / LARGEST for spread in spreads]
    return (red, green, blue), (deviations[0], deviations[1], deviations[2])


def _told(values: Channels) -> str:
    return " ".join(f"{value:.4f}" for value in values)
