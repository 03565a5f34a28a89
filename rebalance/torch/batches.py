"""Batches of a few classes with as many images of each, for losses that compare images.

Imports torch and numpy, and nothing else that is heavy.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.errors import SettingError, shown
from rebalance.torch.labels import LabelSource, labels_of
from rebalance.torch.sampling import tell_absent
from rebalance.torch.sequences import SharedSequence, digest_of


class BalancedBatchSampler(SharedSequence[list[int]]):
    """Draw batches of P classes with M images of each.

    In an epoch each class comes once before any comes again, and within a class each image; where
    a batch would have a class twice, or an image, the next one in order takes its place. Only a
    class of fewer than M images repeats some in a batch. Give it to ``DataLoader(dataset,
    batch_sampler=...)``. Process r of n takes the batches r, r + n and so on.

    images, num_replicas, rank, equal, seed: as for ``BalancedSampler``. classes_per_batch,
    images_per_class: P and M. batches: of an epoch, over all processes; None is as many as the
    images fill, at least one. SettingError for P above the classes that have images, and for
    numbers below 1. Lightning needs ``Trainer(use_distributed_sampler=False)``, and says so.

    >>> from rebalance.torch import BalancedBatchSampler
    >>> sampler = BalancedBatchSampler([0] * 5 + [1] * 2 + [2], 2, 2)
    >>> list(sampler)
    [[7, 7, 6, 5], [4, 0, 6, 5]]
    """

    def __init__(
        self,
        images: LabelSource,
        classes_per_batch: int,
        images_per_class: int,
        *,
        batches: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        equal: bool = False,
        seed: int = 0,
    ) -> None:
        found = labels_of(images)
        self.classes_per_batch = _at_least_one("classes_per_batch", classes_per_batch)
        self.images_per_class = _at_least_one("images_per_class", images_per_class)
        self.batch_size = classes_per_batch * images_per_class
        self._filled = np.flatnonzero(found.sizes)
        if len(self._filled) < classes_per_batch:
            raise SettingError(
                f"a batch of {classes_per_batch} classes needs as many with images, but there are "
                f"{len(self._filled)}"
            )
        filled = max(1, len(found.labels) // self.batch_size)
        length = filled if batches is None else _at_least_one("batches", batches)
        super().__init__(length, seed, num_replicas, rank, equal)
        self.labels, self.classes = found.labels, found.classes
        tell_absent(found, found.sizes)

    def whole(self, epoch: int) -> NDArray[np.int64]:
        rng = seeds.generator(self.seed, "balanced batches", epoch)
        classes = _groups(self._filled, self.classes_per_batch, self.length, rng).ravel()
        order = np.argsort(self.labels, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(self.labels))[:-1])
        often = np.bincount(classes, minlength=len(members))
        of_classes = [
            _groups(members[label], self.images_per_class, often[label], rng)
            for label in self._filled
        ]
        batches = np.empty((len(classes), self.images_per_class), dtype=np.int64)
        batches[np.argsort(classes, kind="stable")] = np.concatenate(of_classes)
        return batches.reshape(self.length, self.batch_size)

    @cached_property
    def fingerprint(self) -> str:
        shape = np.array([self.classes_per_batch, self.images_per_class, self.length])
        return digest_of(self.seed, self.labels, shape)


def _groups(
    members: NDArray[np.int64], size: int, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return groups [count, size] of the members, which come in random orders, one after the other.

    Where one order ends within a group, the next goes on with those that are not in the group yet;
    what it passes over comes right after. Fewer members than ``size`` come in a group as often as
    each other, to within one.
    """
    whole, size = divmod(size, len(members)) if size > len(members) else (0, size)
    orders = np.tile(members, (-(-count * size // len(members)), 1))
    row: list[int] = []
    for order in rng.permuted(orders, axis=1).tolist():
        _go_on(row, order, size)
    groups = np.array(row[: count * size], dtype=np.int64).reshape(count, size)
    return np.hstack([np.tile(members, (count, whole)), groups])


def _go_on(row: list[int], order: list[int], size: int) -> None:
    """Add an order of the members to the row, none of them twice in a group of ``size``."""
    begun = len(row) % size
    if not begun:
        row += order
        return
    group = set(row[-begun:])
    passed: list[int] = []
    for at, member in enumerate(order):
        if len(row) % size == 0:
            row += passed + order[at:]
            return
        (passed if member in group else row).append(member)
    row += passed


def _at_least_one(option: str, value: int) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise SettingError(f"{option} must be a whole number of at least 1, not {shown(value)}")
    return value
