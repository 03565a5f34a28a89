"""Regimes: what training looks at in which epoch, and when it begins to weigh the classes.

A new regime is a function and its line in ``REGIMES``. Imports numpy and nothing heavier.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.errors import DataError
from rebalance.quotas import evenly_repeated
from rebalance.training.first_phase import USUAL, FirstPhase, last_epoch

Labels = NDArray[np.int64]
Positions = NDArray[np.int64]

DEFERRED = 0.8  # share of the epochs before drw weighs the classes


@dataclass(frozen=True)
class Moment:
    """Where training stands before an epoch.

    epoch: from 0. epochs: of the whole run. f1: of every class, in [0, 1], as the last epoch left
    it on the validation images; None before the first. first: for two-phase.
    """

    epoch: int
    epochs: int
    f1: Sequence[float] | None
    seed: int
    first: FirstPhase = USUAL

    def reached(self, share: float) -> bool:
        """Tell whether so much of the epochs, rounded to whole ones, is over."""
        return self.epoch >= round(share * self.epochs)


class Lesson(NamedTuple):
    """What an epoch trains on: positions, some perhaps more than once, and a key of ``WEIGHTINGS``.

    weighting: what the loss is to weigh the classes by; None leaves it as it was made.
    """

    positions: Positions
    weighting: str | None = None


def plain(labels: Labels, moment: Moment) -> Lesson:
    """Every image, in every epoch.

    >>> import numpy as np
    >>> from rebalance.training.regimes import REGIMES, Moment
    >>> moment = Moment(epoch=0, epochs=10, f1=None, seed=0)
    >>> REGIMES["plain"].plan(np.array([0, 0, 1]), moment).positions.tolist()
    [0, 1, 2]
    """
    return Lesson(np.arange(len(labels)))


def two_phase(labels: Labels, moment: Moment) -> Lesson:
    """In the first half of the epochs, classes that are cut or raised at random; then every image.

    Their sizes are ``moment.first.sizes``. The samples of the first phase are the same throughout;
    a class that is raised repeats its images, all equally often but for the remainder. Source: Lee
    et al., "Plankton classification on imbalanced large scale database", ICIP 2016, who cut, and
    Buda et al., "A systematic study of the class imbalance problem in convolutional neural
    networks", Neural Networks 2018, who cut or raise; how the epochs divide is ours.

    >>> import numpy as np
    >>> from rebalance.training.regimes import FirstPhase, Moment, two_phase
    >>> labels = np.array([0, 0, 0, 0, 1])
    >>> moments = [Moment(epoch, 10, None, 0, FirstPhase(limit="2")) for epoch in (0, 5)]
    >>> [len(two_phase(labels, moment).positions) for moment in moments]
    [3, 5]
    """
    if moment.epoch >= last_epoch(moment.epochs):
        return plain(labels, moment)
    present = _classes(labels)
    sizes = moment.first.sizes({str(label): len(members) for label, members in present})
    shown = [
        evenly_repeated(
            members, sizes[str(label)], seeds.generator(moment.seed, "two-phase", label)
        )
        for label, members in present
    ]
    return Lesson(_joined(shown))


def dynamic(labels: Labels, moment: Moment) -> Lesson:
    """Each epoch as large as the data, shared among the classes by what they lack of an F1 of 1.

    The first epoch shows every image. A class that is to have more images than it has repeats
    them, all equally often but for the remainder. Source: Pouyanfar et al., "Dynamic Sampling in
    Convolutional Neural Networks for Imbalanced Data Classification", MIPR 2018; Johnson &
    Khoshgoftaar 2019, eq. 11, times K. Raises DataError for an F1 that is undefined.

    >>> import numpy as np
    >>> from rebalance.training.regimes import REGIMES, Moment
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    >>> moment = Moment(epoch=3, epochs=10, f1=[0.9, 0.7], seed=0)
    >>> np.bincount(labels[REGIMES["dynamic"].plan(labels, moment).positions]).tolist()
    [2, 6]
    """
    if moment.f1 is None:
        return plain(labels, moment)
    present = list(_classes(labels))
    sizes = dynamic_sizes([_checked(moment.f1, label) for label, _ in present], len(labels))
    drawn = [
        evenly_repeated(
            members, size, seeds.generator(moment.seed, "dynamic", moment.epoch, int(label))
        )
        for (label, members), size in zip(present, sizes, strict=True)
    ]
    return Lesson(_joined(drawn))


def drw(labels: Labels, moment: Moment) -> Lesson:
    """Every image; from 80 % of the epochs on, the classes weigh by their effective number.

    Deferred re-weighting. Source: Cao et al., NeurIPS 2019, section 3.4.

    >>> import numpy as np
    >>> from rebalance.training.regimes import REGIMES, Moment
    >>> moments = [Moment(epoch, 10, None, seed=0) for epoch in (7, 8)]
    >>> [REGIMES["drw"].plan(np.array([0, 0, 1]), moment).weighting for moment in moments]
    [None, 'effective']
    """
    return Lesson(np.arange(len(labels)), "effective" if moment.reached(DEFERRED) else None)


@dataclass(frozen=True)
class Regime:
    """plan: from labels [N] and the moment to the epoch's lesson.

    needs_f1: it asks how the classes did on validation images in the epoch before.
    needs_weights: the loss must be one whose samples can be weighed. has_first_phase: it asks what
    the first of its phases does. begins: the share of the epochs before it differs from plain.
    """

    plan: Callable[[Labels, Moment], Lesson]
    needs_f1: bool = False
    needs_weights: bool = False
    has_first_phase: bool = False
    begins: float = 0.0

    def begins_within(self, epochs: int) -> bool:
        """Tell whether so many epochs are enough for it to differ from plain."""
        return Moment(epochs - 1, epochs, None, seed=0).reached(self.begins)


REGIMES: dict[str, Regime] = {
    "plain": Regime(plain),
    "two-phase": Regime(two_phase, has_first_phase=True),
    "dynamic": Regime(dynamic, needs_f1=True),
    "drw": Regime(drw, needs_weights=True, begins=DEFERRED),
}


def dynamic_sizes(f1: Sequence[float], total: int) -> list[int]:
    """(1 - F1_c) / Σ(1 - F1) · total for each class, in whole numbers that add up to ``total``.

    By largest remainder (tie: the first class); no class below one, which the largest ones give up.
    Equal shares where every F1 is 1. total: at least the number of classes.

    >>> from rebalance.training.regimes import dynamic_sizes
    >>> dynamic_sizes([0.9, 0.7], 8)
    [2, 6]
    """
    lack = 1.0 - np.asarray(f1, dtype=np.float64)
    shares = lack / lack.sum() if lack.any() else np.full(len(lack), 1 / len(lack))
    sizes = np.floor(shares * total).astype(np.int64)
    remainders = shares * total - sizes
    sizes[np.argsort(-remainders, kind="stable")[: total - sizes.sum()]] += 1
    while (empty := np.flatnonzero(sizes == 0)).size:
        sizes[np.argmax(sizes)] -= 1
        sizes[empty[0]] += 1
    return [int(size) for size in sizes]


def _checked(f1: Sequence[float], label: int) -> float:
    found = float(f1[label])
    if not 0 <= found <= 1:
        raise DataError(
            f"dynamic sampling needs a validation F1 of every class, found {found} for class "
            f"number {label + 1}: add validation images of it, or choose another regime"
        )
    return found


def _classes(labels: Labels) -> list[tuple[int, Positions]]:
    """Every label that occurs, and the positions that have it."""
    return [(int(label), np.flatnonzero(labels == label)) for label in np.unique(labels)]


def _joined(parts: list[Positions]) -> Positions:
    return np.sort(np.concatenate(parts))
