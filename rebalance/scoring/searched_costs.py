"""What mistakes cost, searched on images held out by differential evolution.

Imports numpy, and scipy when it searches; may not import torch or click.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance import seeds
from rebalance.errors import SettingError, shown, some
from rebalance.metrics.arrays import as_labels, as_probabilities
from rebalance.records import SearchRecord

DEAREST = 1000.0  # how many times as much a class may cost as the first one, or as little
GENERATIONS = 100  # at most
CANDIDATES = 10  # of a generation, for each class beyond the first
FEWEST, MOST = 20, 50  # of a generation
SPREAD = 0.5  # of the first candidates, in natural logarithms of costs
TIE = 1e-6  # what decides between costs that do alike; no image is worth so little


@dataclass(frozen=True)
class CostChoice:
    """Costs that were searched.

    by: what was held out, in words. costs: [K], of mistaking a class for any other, the least 1.
    plain, best: the balanced accuracy on what was held out, by equal costs and by these.
    """

    by: str
    costs: tuple[float, ...]
    plain: float
    best: float

    @property
    def matrix(self) -> list[list[float]]:
        """The costs [K][K] by predicted and true class, which the true class alone decides.

        >>> from rebalance.scoring.searched_costs import CostChoice
        >>> CostChoice("validation images", (1.0, 8.0), 0.5, 0.75).matrix
        [[0.0, 8.0], [1.0, 0.0]]
        """
        return _by_true_class(self.costs)

    def told(self, classes: Sequence[str]) -> str:
        """Say what was found, on one line."""
        pairs = zip(classes, self.costs, strict=True)
        costs = some([f"{name} {cost:.3g}" for name, cost in pairs], quoted=False)
        return (
            f"costs searched by {self.by}: {costs}; balanced accuracy there {self.best:.3f}, by "
            f"equal costs {self.plain:.3f}"
        )

    def to_record(self) -> SearchRecord:
        """For JSON."""
        return {"by": self.by, "costs": [*self.costs], "plain": self.plain, "best": self.best}


def alike(classes: int) -> list[list[float]]:
    """The costs [K][K] of mistakes that all cost the same."""
    return _by_true_class((1.0,) * classes)


def search_costs(probabilities: ArrayLike, labels: ArrayLike, by: str, *, seed: int) -> CostChoice:
    """Search the cost of each class by which decisions on held-out images do best.

    probabilities: [N, K]. labels: the true class index [N], of every class. by: what they are, in
    words. Candidates are bred by scipy's ``differential_evolution`` from around powers of the
    classes' shares, and the best one is kept: of most balanced accuracy, of those that do alike the
    nearest to equal costs. Equal costs and those by the shares are candidates, and so never better.

    Source: Zhang, Tan, Li & Hong, "A Cost-Sensitive Deep Belief Network for Imbalanced
    Classification", TNNLS 2019, who search costs of classes for probabilities to be multiplied by.
    Ours is that images are held out; and the balanced accuracy, where they have the geometric mean
    of the recalls: that is 0 as soon as one class of many is never found, and then guides nothing.

    >>> from rebalance.scoring.searched_costs import search_costs
    >>> said = [[0.9, 0.1], [0.9, 0.1], [0.7, 0.3], [0.8, 0.2]]
    >>> found = search_costs(said, [0, 0, 1, 1], "validation images", seed=0)
    >>> found.plain, found.best, [round(cost, 1) for cost in found.costs]
    (0.5, 1.0, [1.0, 4.0])
    """
    from scipy.optimize import differential_evolution

    values = as_probabilities(probabilities)
    own = as_labels(labels, *values.shape)
    counts = np.bincount(own, minlength=values.shape[1])
    rng, bound = seeds.generator(seed, "costs"), math.log(DEAREST)

    def recall(costs: NDArray[np.float64]) -> float:
        found = (values * costs).argmax(axis=1)
        hits = np.bincount(own[found == own], minlength=len(counts))
        return float((hits / counts).mean())

    def lack(logs: NDArray[np.float64]) -> float:
        return TIE * float(np.square(_centred(logs)).mean()) - recall(_costs(logs))

    found = differential_evolution(
        lack,
        [(-bound, bound)] * (len(counts) - 1),
        init=_first(counts, bound, rng),
        maxiter=GENERATIONS,
        tol=TIE / 100,
        polish=False,  # steps have no slope
        seed=rng,
    )
    costs = _costs(found.x)
    return CostChoice(by, tuple(costs.tolist()), recall(np.ones(len(counts))), recall(costs))


def check_held(labels: Sequence[int], classes: Sequence[str], asked: str) -> None:
    """Raise SettingError unless images of every class are held out. asked: what they are for."""
    found = set(labels)
    for label, name in enumerate(classes):
        if label not in found:
            raise SettingError(
                f"{asked} searches the costs of all classes on images held out, and of class "
                f"{shown(name)} there are none: hold some out, or give costs in a file"
            )


def _by_true_class(costs: Sequence[float]) -> list[list[float]]:
    places = range(len(costs))
    return [[0.0 if i == j else costs[j] for j in places] for i in places]


def _costs(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The costs [K], the least 1, by the logarithms [K - 1] of all but the first beside that."""
    every = np.append(0.0, logs)
    costs: NDArray[np.float64] = np.exp(every - every.min())
    return costs


def _centred(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    every = np.append(0.0, logs)
    centred: NDArray[np.float64] = every - every.mean()
    return centred


def _first(counts: NDArray[np.intp], bound: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The first generation [S, K - 1]: equal costs, those by the shares, and others around these.

    Candidates from anywhere would leave most of many classes unfound, and have nothing to breed.
    """
    inverse = -np.log(counts[1:] / counts[0])
    size = int(np.clip(CANDIDATES * len(inverse), FEWEST, MOST))
    powers = np.append([0.0, 1.0], rng.uniform(0, 2, size - 2))
    noise = rng.normal(0, SPREAD, (size, len(inverse)))
    noise[:2] = 0.0
    first: NDArray[np.float64] = np.clip(powers[:, None] * inverse + noise, -bound, bound)
    return first
