"""Which images an epoch shows, in which order, for a ``DataLoader`` of one's own.

Imports torch and numpy, and nothing else that is heavy.
"""

import logging
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import SettingError, some
from rebalance.torch.labels import ClassLabels, LabelSource, labels_of
from rebalance.torch.sequences import SharedSequence, digest_of
from rebalance.training.drawing import (
    BalancedDraw,
    places_of,
    shares_by_power,
    shares_by_thresholds,
)

log = logging.getLogger("rebalance")


class BalancedSampler(SharedSequence[int]):
    """Draw the classes as often as asked, exactly, in any number of processes, and resumable.

    Every epoch has the same number of places for a class, the share asked for to within rounding.
    A class shows each of its images once before it shows any again, from one epoch to the next.
    Give it to ``DataLoader(dataset, sampler=...)``.

    images: a manifest, its path or that of a folder of images, a dataset with ``targets``, or the
    labels, in the dataset's order. power: 1 (where nothing is said) draws all classes alike, .5 by
    the square root of their sizes, 0 as the data are. repeat_thresholds: in place of a power, the
    share of the images below which a class is repeated, of all classes or of each (LVIS's repeat
    factor sampling); the epoch is as much longer. length: of an epoch, over all processes; None is
    the number of images, or what the repetition comes to. num_replicas, rank: of processes, and of
    this one; None asks ``torch.distributed``. Where others divide the loader, as accelerate's
    ``prepare`` does, they must be 1 and 0. equal: see ``SharedSequence``; right for
    DistributedDataParallel. seed: the same in all processes.
    Raises SettingError for a value that an option cannot have, DataError for labels.

    >>> from rebalance.torch import BalancedSampler
    >>> labels = [0, 0, 0, 0, 0, 0, 1, 1]
    >>> sampler = BalancedSampler(labels, length=4)
    >>> list(sampler), list(sampler)
    ([4, 6, 2, 7], [6, 3, 7, 0])
    >>> [list(BalancedSampler(labels, length=4, num_replicas=2, rank=rank)) for rank in (0, 1)]
    [[4, 2], [6, 7]]
    """

    def __init__(
        self,
        images: LabelSource,
        power: float | None = None,
        repeat_thresholds: float | Sequence[float] | None = None,
        *,
        length: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        equal: bool = False,
        seed: int = 0,
    ) -> None:
        found = labels_of(images)
        shares = _shares(found.sizes, power, repeat_thresholds)
        places = places_of(shares, length)
        super().__init__(int(places.sum()), seed, num_replicas, rank, equal)
        self.drop_last = False
        self.labels, self.classes, self.places = found.labels, found.classes, places
        self._draw = BalancedDraw.of(found.labels, places, seed)
        tell_absent(found, places)

    def whole(self, epoch: int) -> NDArray[np.int64]:
        return self._draw.epoch(epoch)

    @cached_property
    def fingerprint(self) -> str:
        return digest_of(self.seed, self.labels, self.places)


def _shares(
    sizes: NDArray[np.int64], power: float | None, thresholds: float | Sequence[float] | None
) -> NDArray[np.float64]:
    if thresholds is None:
        return shares_by_power(sizes, 1.0 if power is None else power)
    if power is not None:
        raise SettingError("an epoch is drawn by a power or by repeat thresholds, not by both")
    return shares_by_thresholds(sizes, thresholds)


def tell_absent(found: ClassLabels, places: NDArray[np.int64]) -> None:
    """Warn of classes that no epoch shows."""
    sizes = found.sizes
    empty = [name for name, size in zip(found.classes, sizes, strict=True) if not size]
    if empty and not all(name.isdecimal() for name in empty):
        log.warning("without images, and so never drawn: %s", some(empty))
    pairs = zip(found.classes, sizes, places, strict=True)
    if short := [name for name, size, own in pairs if size and not own]:
        log.warning(
            "an epoch of %d places has none for some classes, which are never drawn: %s; a greater "
            "length has",
            *(int(places.sum()), some(short)),
        )
