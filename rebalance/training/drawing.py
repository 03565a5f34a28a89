"""How many places of an epoch each class has, and draws that meet these numbers exactly.

``sampling`` draws with replacement, so that shares hold on average; here they hold in every epoch,
to within rounding. A draw depends on the labels, the numbers, the seed and the epoch alone, so that
any number of processes can each make it and take a part. Imports numpy and nothing heavier.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance import seeds
from rebalance.errors import SettingError, shown
from rebalance.quotas import apportion

Positions = NDArray[np.int64]

SHARE = 2**32  # of the class that has the most; shares are whole numbers up to this
AT_ONCE = 256  # positions of a class that one stream of random numbers orders, at least


def shares_by_power(sizes: ArrayLike, power: float) -> NDArray[np.float64]:
    """Return how many places of an epoch as long as the data each class [K] is to have.

    They are in proportion to n_c^(1 - power): with 0 every class as the data are, with .5 by the
    square root of its size, with 1 all alike, with more the small ones more often. (The power in
    ``sampling.Sampler`` is that of n_c itself, which is 1 less this.) A class without images has
    none. sizes: images of each class, some above 0. SettingError for a power below 0 or not finite.

    >>> from rebalance.training.drawing import shares_by_power
    >>> [shares_by_power([90, 10, 0], power).round(1).tolist() for power in (0, 0.5, 1)]
    [[90.0, 10.0, 0.0], [75.0, 25.0, 0.0], [50.0, 50.0, 0.0]]
    """
    if not (
        isinstance(power, int | float | np.integer | np.floating) and 0 <= float(power) < np.inf
    ):
        raise SettingError(
            f"the power must be 0 (as the data are), 1 (balanced) or another number of at least 0, "
            f"not {shown(power)}"
        )
    counts = np.asarray(sizes, dtype=np.float64)
    filled = counts > 0
    shares = np.zeros_like(counts)
    shares[filled] = (counts[filled] / counts[filled].min()) ** (1 - float(power))
    shares *= counts.sum() / shares.sum()
    return shares


def shares_by_thresholds(
    sizes: ArrayLike, thresholds: float | Sequence[float]
) -> NDArray[np.float64]:
    """Return how many places each class [K] has under repeat factor sampling: n_c·max(1, √(t/f_c)).

    f_c is the share of the images that are of the class; one that is rarer than t is repeated.
    thresholds: t, for all classes or for each. Source: Gupta et al., "LVIS: A Dataset for Large
    Vocabulary Instance Segmentation", CVPR 2019, appendix B.1, for images with one label.
    SettingError for a threshold that is not from 0 to 1, and where their number does not fit.

    >>> from rebalance.training.drawing import shares_by_thresholds
    >>> shares_by_thresholds([90, 10], 0.4).tolist()
    [90.0, 20.0]
    """
    counts = np.asarray(sizes, dtype=np.float64)
    limits = np.asarray(thresholds)
    if (
        limits.dtype.kind not in "iuf"
        or not ((limits >= 0) & (limits <= 1)).all()
        or limits.shape not in ((), counts.shape)
    ):
        raise SettingError(
            f"repeat thresholds are shares from 0 to 1, one for all classes or one for each of "
            f"{len(counts)}, not {shown(thresholds)}"
        )
    shares = counts / counts.sum()
    factors = np.ones_like(counts)
    np.divide(limits, shares, out=factors, where=shares > 0)
    return counts * np.sqrt(np.maximum(factors, 1))


def places_of(shares: NDArray[np.float64], length: int | None = None) -> NDArray[np.int64]:
    """Return the places [K] of each class in an epoch, in proportion to ``shares``.

    What does not divide goes by the largest remainder. length: of the epoch; None is what the
    shares add up to. SettingError unless it is at least 1.

    >>> import numpy as np
    >>> from rebalance.training.drawing import places_of
    >>> places_of(np.array([50.0, 50.0, 0.0]), 5).tolist()
    [3, 2, 0]
    """
    total = round(float(shares.sum())) if length is None else length
    if not isinstance(total, int | np.integer) or total < 1:
        raise SettingError(f"an epoch needs a length of at least 1, not {shown(length)}")
    return apportion(np.rint(shares * (SHARE / shares.max())).astype(np.int64), total)


@dataclass(frozen=True)
class BalancedDraw:
    """Epochs in which each class has its places, shuffled among those of the others.

    A class shows its images in random orders, one after the other, and goes on in an epoch where
    it ended the one before: it shows each image once before it shows any again, as much of it as an
    epoch may hold.

    members: positions [N], by class. sizes: members of each class [K]. places: of each class in an
    epoch [K], none for one without members. seed: at least 0.

    >>> import numpy as np
    >>> from rebalance.training.drawing import BalancedDraw
    >>> draw = BalancedDraw.of(np.array([0, 0, 0, 0, 1]), np.array([2, 2]), seed=0)
    >>> [draw.epoch(number).tolist() for number in (0, 1)]
    [[0, 4, 3, 4], [4, 2, 4, 1]]
    """

    members: Positions
    sizes: NDArray[np.int64]
    places: NDArray[np.int64]
    seed: int

    @classmethod
    def of(
        cls, labels: NDArray[np.int64], places: NDArray[np.int64], seed: int = 0
    ) -> "BalancedDraw":
        """Make the draw from labels [N]."""
        sizes = np.bincount(labels, minlength=len(places))
        return cls(np.argsort(_narrow(labels), kind="stable"), sizes, places, seed)

    def epoch(self, number: int) -> Positions:
        """Return the positions that the epoch of this number shows, in order."""
        ends = np.cumsum(self.sizes)
        streams = _Streams(self.seed)
        shown_by_class = []
        for label in np.flatnonzero(self.places).tolist():
            members = self.members[ends[label] - self.sizes[label] : ends[label]]
            count, stream = int(self.places[label]), streams.of_class(label)
            shown_by_class.append(_continued(members, number * count, count, stream))
        rng = seeds.generator(self.seed, "balanced draw", "classes", number)
        classes = rng.permutation(_narrow(np.repeat(np.arange(len(self.places)), self.places)))
        order = np.empty(len(classes), dtype=np.int64)
        order[np.argsort(classes, kind="stable")] = np.concatenate(shown_by_class)
        return order


class _Streams:
    """Streams of random numbers, for each class one of every number.

    A generator is moved from one to the next: to make one takes longer than most classes' draws.
    """

    def __init__(self, seed: int) -> None:
        key = seeds.generator(seed, "balanced draw").integers(2**64, size=2, dtype=np.uint64)
        self._bits = np.random.Philox(key=key)
        self._state = self._bits.state
        self._rng = np.random.Generator(self._bits)

    def of_class(self, label: int) -> Callable[[int], np.random.Generator]:
        """Return what begins a stream of this class, and ends the one before."""

        def begun(number: int) -> np.random.Generator:
            self._state["state"]["counter"][:] = 0, 0, label, number
            self._bits.state = self._state
            return self._rng

        return begun


def _continued(
    members: Positions, begin: int, count: int, stream: Callable[[int], np.random.Generator]
) -> Positions:
    """Return ``count`` positions of a class's endless row of random orders, from ``begin`` on."""
    orders = -(-AT_ONCE // len(members))  # a small class has several from one stream
    size = orders * len(members)
    blocks = range(begin // size, (begin + count - 1) // size + 1)
    drawn = [_ordered(members, orders, stream(block)) for block in blocks]
    return np.concatenate(drawn)[begin - blocks.start * size :][:count]


def _ordered(members: Positions, orders: int, rng: np.random.Generator) -> Positions:
    if orders == 1:
        return rng.permutation(members)
    return rng.permuted(np.tile(members, (orders, 1)), axis=1).ravel()


def _narrow(labels: NDArray[np.int64]) -> NDArray[np.integer]:
    """Return the labels in 16 bits where they fit: numpy sorts these in linear time."""
    return labels.astype(np.uint16) if labels.max(initial=0) < 2**16 else labels
