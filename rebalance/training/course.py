"""What each epoch of a run shows: by its regime, its sampler, and its share among the processes.

Imports torch, by way of the batches, and numpy.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from rebalance import seeds
from rebalance.dataset import Batch, ImageDataset, Key, batches
from rebalance.regimes import REGIMES, Lesson, Moment
from rebalance.sampling import SAMPLERS, Division, occurrences


class Course:
    """The images of every epoch, in order.

    labels: class index of each image. sampler, regime: keys of ``SAMPLERS`` and ``REGIMES``.
    f1: of every class, as the last epoch left it on validation images; to be kept up to date.
    """

    def __init__(
        self,
        labels: Sequence[int],
        *,
        sampler: str,
        regime: str,
        epochs: int,
        division: Division,
        seed: int,
    ) -> None:
        self.labels = np.asarray(labels, dtype=np.int64)
        self.sampler = SAMPLERS[sampler]
        self.regime = REGIMES[regime]
        self.epochs = epochs
        self.division = division
        self.seed = seed
        self.f1: list[float] | None = None

    def lesson(self, epoch: int) -> Lesson:
        """Of the epoch, from 0."""
        return self.regime.plan(self.labels, Moment(epoch, self.epochs, self.f1, self.seed))

    def feed(
        self, dataset: ImageDataset, first: int, workers: int, *, pin: bool
    ) -> Iterator[Batch]:
        """The batches of all epochs from ``first`` on, as ``batches`` gives them.

        One loader runs through, and reads ahead into the next epoch, unless the regime has to see
        first how this one ends.
        """
        keys = (self._keys(epoch) for epoch in range(first, self.epochs))
        if self.regime.needs_f1:
            return chain.from_iterable(batches(dataset, each, workers, pin=pin) for each in keys)
        return batches(dataset, chain.from_iterable(keys), workers, pin=pin)

    def _keys(self, epoch: int) -> Iterator[list[Key]]:
        """Of every forward pass of this process."""
        positions = self.lesson(epoch).positions
        rng = seeds.generator(self.seed, "shuffle", epoch)
        order = positions[self.sampler(self.labels[positions], rng)]
        shown = occurrences(order)
        for places in self.division.passes(np.arange(len(order))):
            yield [(epoch, int(order[place]), int(shown[place])) for place in places]
