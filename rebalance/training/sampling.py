"""Which images an epoch shows, in which order, and who trains on which of them.

A sampler is a function from the labels to the positions of one epoch; a new one is its line in
``SAMPLERS``, which says by which power of its size it draws a class. Classes have their shares on
average; ``drawing`` meets them in every epoch. Imports numpy and nothing heavier.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Positions = NDArray[np.int64]


def none(labels: NDArray[np.int64], rng: np.random.Generator) -> Positions:
    """Every image once, shuffled.

    >>> import numpy as np
    >>> from rebalance.training.sampling import SAMPLERS
    >>> SAMPLERS["none"](np.array([0, 0, 0, 1]), np.random.default_rng(0)).tolist()
    [2, 0, 1, 3]
    """
    return rng.permutation(len(labels))


def balanced(labels: NDArray[np.int64], rng: np.random.Generator) -> Positions:
    """Every class equally often, on average: drawn with replacement.

    >>> import numpy as np
    >>> from rebalance.training.sampling import SAMPLERS
    >>> labels = np.repeat([0, 1], [900, 100])
    >>> drawn = SAMPLERS["balanced"](labels, np.random.default_rng(0))
    >>> np.bincount(labels[drawn]).tolist()
    [473, 527]
    """
    return _drawn(labels, 0.0, rng)


def sqrt(labels: NDArray[np.int64], rng: np.random.Generator) -> Positions:
    """A class as often as the square root of its size, on average: drawn with replacement.

    Source: Mahajan et al., "Exploring the Limits of Weakly Supervised Pretraining", ECCV 2018.

    >>> import numpy as np
    >>> from rebalance.training.sampling import SAMPLERS
    >>> labels = np.repeat([0, 1], [900, 100])
    >>> drawn = SAMPLERS["sqrt"](labels, np.random.default_rng(0))
    >>> np.bincount(labels[drawn]).tolist()
    [733, 267]
    """
    return _drawn(labels, 0.5, rng)


@dataclass(frozen=True)
class Sampler:
    """How the images of an epoch are drawn.

    draw: from labels [N], each at least 0, to positions [N]. power: of its size, by which a class
    is drawn: 1 where every image is drawn as often, 0 where every class is.
    """

    draw: Callable[[NDArray[np.int64], np.random.Generator], Positions]
    power: float

    def __call__(self, labels: NDArray[np.int64], rng: np.random.Generator) -> Positions:
        return self.draw(labels, rng)

    def draws(self, labels: ArrayLike, classes: int) -> list[float]:
        """Return how often each class [K] is drawn from an epoch's images, labels [N], in any unit.

        Of a whole run the last epoch stands for all, being what the network saw last: for two-phase
        every image, for dynamic the sizes that the F1 before it led to.
        """
        sizes = np.bincount(np.asarray(labels, dtype=np.int64), minlength=classes)
        return [float(size) ** self.power if size else 0.0 for size in sizes]


SAMPLERS: dict[str, Sampler] = {
    "none": Sampler(none, power=1.0),
    "balanced": Sampler(balanced, power=0.0),
    "sqrt": Sampler(sqrt, power=0.5),
}


def _drawn(labels: NDArray[np.int64], power: float, rng: np.random.Generator) -> Positions:
    """Draw as many positions as labels, a class as often as its size to the ``power``."""
    if not len(labels):
        return np.empty(0, dtype=np.int64)
    chances = np.bincount(labels)[labels] ** (power - 1.0)
    return rng.choice(len(labels), size=len(labels), p=chances / chances.sum())


@dataclass(frozen=True)
class Division:
    """How an epoch is dealt out to steps of the optimiser, processes and forward passes.

    batch_size: images of a step, over all processes. accumulation: forward passes of a step.
    rank, world: this process, and how many there are.
    """

    batch_size: int
    accumulation: int = 1
    rank: int = 0
    world: int = 1

    @property
    def smallest_batch(self) -> int:
        """The images that a forward pass needs: one for each process, and two for BatchNorm."""
        return max(2, self.world)

    def steps(self, count: int) -> list[tuple[int, int]]:
        """For an epoch of ``count`` images, the images and the forward passes of each step.

        A last step with fewer than ``smallest_batch`` images is left out; one with few makes fewer
        passes.
        """
        sizes = [min(self.batch_size, count - at) for at in range(0, count, self.batch_size)]
        return [
            (size, min(self.accumulation, size // self.smallest_batch))
            for size in sizes
            if size >= self.smallest_batch
        ]

    def partners(self, count: int) -> Positions:
        """Return for each place of an epoch [count] the one before it in its step, in a round."""
        found = np.arange(count)
        for step, (size, _) in enumerate(self.steps(count)):
            begin = step * self.batch_size
            found[begin : begin + size] = np.roll(found[begin : begin + size], 1)
        return found

    def passes(self, order: Positions) -> Iterator[Positions]:
        """Return what this process trains on in each forward pass of the epoch ``order``.

        A pass has every so many'th image of its step, and this process each ``world``-th of those,
        from ``rank`` on.
        """
        for step, (size, parts) in enumerate(self.steps(len(order))):
            begin = step * self.batch_size
            images = order[begin : begin + size]
            yield from (images[part::parts][self.rank :: self.world] for part in range(parts))
