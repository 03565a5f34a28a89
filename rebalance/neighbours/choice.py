"""Which search there is time for. Imports numpy and nothing heavier."""

from functools import partial
from typing import Protocol

from numpy.typing import ArrayLike

from rebalance.neighbours.approximate import nearest_approximately
from rebalance.neighbours.distances import Features, Neighbours
from rebalance.neighbours.exact import nearest

EXACT_LIMIT = 100_000  # samples; the exact search takes time by their square


class Search(Protocol):
    """``nearest`` but for how it goes about it."""

    def __call__(
        self, features: Features, count: int, queries: ArrayLike | None = None
    ) -> Neighbours: ...


def search_among(samples: int, *, device: str, seed: int) -> Search:
    """The exact search on ``device``, or for more samples than ``EXACT_LIMIT`` the approximate one.

    seed: of the approximate search.
    """
    if samples <= EXACT_LIMIT:
        return partial(nearest, device=device)
    return partial(nearest_approximately, seed=seed)
