"""What each epoch of a run shows: by its regime, its sampler, and its share among the processes.

Imports torch, by way of the batches, and numpy.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch

from rebalance import seeds
from rebalance.training.dataset import Batch, ImageDataset, Pairs, Pass
from rebalance.training.first_phase import FirstPhase
from rebalance.training.mixing import Mix
from rebalance.training.regimes import REGIMES, Lesson, Moment
from rebalance.training.sampling import SAMPLERS, Division


class EpochFeed:
    """The images that each epoch of a run shows, in order.

    labels: class index of each image. sampler, regime: keys of ``SAMPLERS`` and ``REGIMES``.
    first: what the regime two-phase begins with. mix: how images of a step are mixed.
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
        first: FirstPhase,
        mix: Mix,
    ) -> None:
        self.labels = np.asarray(labels, dtype=np.int64)
        self.sampler = SAMPLERS[sampler]
        self.regime = REGIMES[regime]
        self.epochs = epochs
        self.division = division
        self.seed = seed
        self.first = first
        self.mix = mix
        self.f1: list[float] | None = None

    def lesson(self, epoch: int) -> Lesson:
        """Return what the epoch of this number, from 0, is trained on."""
        moment = Moment(epoch, self.epochs, self.f1, self.seed, self.first)
        return self.regime.plan(self.labels, moment)

    def feed(
        self, dataset: ImageDataset, first: int, workers: int, *, pin: bool
    ) -> Iterator[Batch]:
        """The batches of all epochs from ``first`` on.

        Images are read ahead into the next epoch, unless the regime has to see first how this one
        ends.
        """
        draws = dataset.augmentation.draws
        passes = (self._passes(epoch, draws) for epoch in range(first, self.epochs))
        if self.regime.needs_f1:
            return chain.from_iterable(dataset.batches(each, workers, pin=pin) for each in passes)
        return dataset.batches(chain.from_iterable(passes), workers, pin=pin)

    def _passes(self, epoch: int, draws: int) -> Iterator[Pass]:
        """The forward passes of this process; ``draws`` random numbers vary each of the images.

        How an image varies, and is mixed, depends on the seed, the epoch and its place in the epoch
        alone; its partner stands before it in the step.
        """
        positions = self.lesson(epoch).positions
        rng = seeds.generator(self.seed, "shuffle", epoch)
        order = positions[self.sampler(self.labels[positions], rng)]
        rng = seeds.generator(self.seed, "augment", epoch)
        varied = rng.random((len(order), draws), dtype=np.float32)
        numbers = self.mix.numbers(seeds.generator(self.seed, "mix", epoch), len(order))
        partners = self.division.partners(len(order))
        for places in self.division.passes(np.arange(len(order))):
            if not self.mix.mixes:
                yield Pass(order[places], varied[places])
                continue
            # Partners that another pass or process trains on are looked at here once more.
            seen = np.concatenate([places, np.setdiff1d(partners[places], places)])
            ranked = np.argsort(seen)
            met = ranked[np.searchsorted(seen, partners[places], sorter=ranked)]
            pairs = Pairs(torch.from_numpy(met), torch.from_numpy(numbers[places]))
            yield Pass(order[seen], varied[seen], pairs)
