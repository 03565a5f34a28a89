"""One sequence an epoch for all processes, of which each takes every n-th place.

Imports torch and numpy, and nothing else that is heavy.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from hashlib import blake2b
from operator import length_hint
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import distributed
from torch.utils.data.distributed import DistributedSampler

from rebalance.errors import SettingError, shown

Item = TypeVar("Item")

log = logging.getLogger("rebalance")


class SharedSequence(DistributedSampler[Item], ABC):
    """One sequence an epoch; process ``rank`` of n takes its places rank, rank + n and so on.

    The sequence does not depend on n. Processes take either as many or one fewer; with ``equal``
    all take as many, and the few places that are missing are the first ones of the next epoch.

    It is a ``DistributedSampler`` for those that ask, as Lightning does, whether a sampler already
    divides. Without ``num_replicas`` and ``rank`` it asks ``torch.distributed`` when an epoch
    begins, so that it may be made before the processes are joined.

    Each iteration is an epoch: the first one is 0, and each next one is one more unless
    ``set_epoch`` says otherwise. ``len`` is that of a whole epoch in this process, also where an
    iteration only finishes one.
    """

    def __init__(
        self, length: int, seed: int, num_replicas: int | None, rank: int | None, equal: bool
    ) -> None:
        # DistributedSampler's own would ask for the processes now.
        if (num_replicas is None) != (rank is None):
            raise SettingError("num_replicas and rank are given together, or neither")
        if num_replicas is not None and not (_whole(num_replicas) and num_replicas >= 1):
            raise SettingError(
                f"num_replicas must be a whole number of at least 1, not {shown(num_replicas)}"
            )
        if num_replicas is not None and not (_whole(rank) and 0 <= rank < num_replicas):
            raise SettingError(
                f"a rank is a whole number from 0 to {num_replicas - 1} for {num_replicas} "
                f"replicas, not {shown(rank)}"
            )
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise SettingError(f"a seed is a whole number from 0 on, not {shown(seed)}")
        self.length, self.seed, self.equal = length, int(seed), equal
        self.epoch = 0
        self.shuffle = True
        self._given = None if num_replicas is None or rank is None else (num_replicas, rank)
        self._start = 0  # the place where the iteration began, or will begin
        self._begun = False
        self._taking, self._dealt = iter(()), 0  # what is left of the iteration, and its length
        self._told = False

    @abstractmethod
    def whole(self, epoch: int) -> NDArray[np.int64]:
        """Return the sequence [length, ...] of an epoch, for all processes."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Tell the sequences apart: equal for two that are equal in all epochs."""

    # What DistributedSampler has as attributes depends here on who is there.
    @property
    def num_replicas(self) -> int:  # type: ignore[override]
        """The number of processes."""
        return self._given[0] if self._given else distributed.get_world_size() if _joined() else 1

    @property
    def rank(self) -> int:  # type: ignore[override]
        """The number of this process."""
        return self._given[1] if self._given else distributed.get_rank() if _joined() else 0

    @property
    def num_samples(self) -> int:  # type: ignore[override]
        """The places that this process takes in a whole epoch."""
        return len(self)

    @property
    def total_size(self) -> int:  # type: ignore[override]
        """The places that all processes take in a whole epoch."""
        return self._end(0)

    def __len__(self) -> int:
        return len(range(self.rank, self._end(0), self.num_replicas))

    def __iter__(self) -> Iterator[Item]:
        # What a state of an epoch's end has left is nothing, and is over once it is asked for.
        if not self._begun and self._start and self._start == self._end(self._start):
            return self._begin()
        return self._items()

    def _items(self) -> Iterator[Item]:
        # An epoch begins with its first item: loaders ask for iterators that they do not use.
        yield from self._begin()

    def _begin(self) -> Iterator[Item]:
        """Begin the next epoch, or what is left of one, and return what this process takes."""
        if self._begun:
            self.set_epoch(self.epoch + 1)
        self._begun = True
        self._tell_unequal()
        sequence, end = self.whole(self.epoch), self._end(self._start)
        following = self.epoch
        while self._start < end and end > len(sequence):
            following += 1
            sequence = np.concatenate([sequence, self.whole(following)[: end - len(sequence)]])
        own = sequence[self._start + self.rank :: self.num_replicas].tolist()
        # An iterator of a list knows how much of it is left, so that nothing counts while it runs.
        self._taking, self._dealt = iter(own), len(own)
        return self._taking

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is.

        It begins anew, unless a state in the middle of this very epoch was loaded just before.
        SettingError for what is no whole number of at least 0.
        """
        if not (_whole(epoch) and epoch >= 0):
            raise SettingError(f"an epoch is a whole number of at least 0, not {shown(epoch)}")
        if self._begun or epoch != self.epoch:
            self._start = 0
        self.epoch, self._begun = int(epoch), False

    def state_dict(self, taken: int | None = None) -> dict[str, Any]:
        """Return where all processes are, for ``load_state_dict``, in however many there will be.

        taken: how many items of this epoch this process has trained on since the iteration began.
        None is all that were drawn, which is right without workers and under torchdata's
        ``StatefulDataLoader``; the workers of a plain ``DataLoader`` fetch ahead of training, and
        then ``batches * batch_size`` is to be given. Processes must be in step.
        SettingError for fewer than 0, and for more than were drawn.
        """
        drawn = self._dealt - length_hint(self._taking) if self._begun else 0
        if taken is not None and not (_whole(taken) and 0 <= taken <= drawn):
            raise SettingError(f"{drawn} were drawn, so that {shown(taken)} cannot have been taken")
        place = self._start + (drawn if taken is None else int(taken)) * self.num_replicas
        place = min(place, self._end(self._start))
        return {"epoch": self.epoch, "place": place, "sequence": self.fingerprint}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Have the next iteration finish the epoch of a state.

        SettingError for what is no such state, and for that of another sequence: other labels,
        seed, shares or length.
        """
        state = state_dict if isinstance(state_dict, dict) else {}
        epoch, place = state.get("epoch"), state.get("place")
        if not (_whole(epoch) and epoch >= 0 and _whole(place) and place >= 0):
            raise SettingError(
                f"a sampler goes on from what its state_dict() gave, not from {shown(state_dict)}"
            )
        if state.get("sequence") != self.fingerprint:
            raise SettingError(
                "this state is of a sampler of other images, shares, length or seed: make the "
                "sampler as it was then, or begin the epoch anew"
            )
        self.epoch, self._start, self._begun = int(epoch), int(place), False

    def _end(self, start: int) -> int:
        """Return where an iteration from this place on ends, for all processes together."""
        missing = (start - self.length) % self.num_replicas if self.equal else 0
        return max(start, self.length + missing)

    def _tell_unequal(self) -> None:
        rest = self.length % self.num_replicas
        if rest and not self.equal and not self._told and self.rank == 0:
            self._told = True
            log.warning(
                "%d processes share a sequence of %d places: %d of them take one more, and "
                "DistributedDataParallel waits for ever where that makes a batch more; equal=True "
                "gives all as many",
                *(self.num_replicas, self.length, rest),
            )


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def digest_of(seed: int, *numbers: NDArray[np.int64]) -> str:
    """Return a digest of what decides a sequence, as hex."""
    digest = blake2b(str(seed).encode(), digest_size=16)
    for each in numbers:
        digest.update(f";{each.shape};".encode() + each.tobytes())
    return digest.hexdigest()
