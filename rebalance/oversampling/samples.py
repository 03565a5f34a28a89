"""What an oversampler is given: the table, the classes to add to, and the options.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError, SettingError
from rebalance.neighbours import nearest as exact
from rebalance.numerics.contents import Contents, contents_of
from rebalance.numerics.pca import InMemory
from rebalance.settings.numbers import Range, check_number
from rebalance.settings.rebalancing import COPIES, OPERATIONS, REACH

Features = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]
Positions = NDArray[np.int64]

BLOCK_VALUES = 1 << 22  # values checked at once
DANGER_NEIGHBOURS = 10  # among which Borderline-SMOTE counts enemies


class Nearest(Protocol):
    """The ``count`` nearest other rows of each query, and how far they lie, nearest first.

    features: [N, D]. queries: positions [Q] of the rows that ask; None is all. A row is left out of
    its own neighbours by its position, so that a duplicate of it stays in (tie: the lower one).
    Gives positions [Q, count] and distances [Q, count].
    """

    def __call__(
        self, features: Features, count: int, queries: Positions | None = None
    ) -> tuple[Positions, NDArray[np.float64]]: ...


@dataclass(frozen=True)
class SamplerOptions:
    """How the samples to add are chosen.

    neighbours: how many of them a partner is drawn from; None is the method's own number.
    danger_neighbours: for Borderline-SMOTE, among how many, of all classes, enemies are counted.
    reach: for ``eos``, how much of an enemy a blend has at most, in (0, 1].
    copies: for ``ros``, ``drawn`` with replacement, or ``exact``, as often of each sample.
    operations: for ``augment``, what varies the copies, as ``images.variations_of`` reads it.
    nearest: the search.
    candidates: for ``generated``, the class [M] of each image that may be added.
    subclasses: for ``cluster``, the cluster of each sample of a class, in the order of the table,
        by class index; a class that is not in it is clustered.
    names: of the classes, to tell them apart in the log and in the names of random streams, where
        an index would change as a class is added; None is the index.

    Raises SettingError for numbers of neighbours that are not whole, from 1 up, and for a reach
    outside of its range.
    """

    neighbours: int | None = None
    danger_neighbours: int = DANGER_NEIGHBOURS
    reach: float = REACH
    copies: str = "drawn"
    operations: str = OPERATIONS
    nearest: Nearest = exact
    subclasses: Mapping[int, NDArray[np.integer[Any]]] | None = None
    names: Sequence[str] | None = None
    candidates: Labels | None = None

    def __post_init__(self) -> None:
        for what in ("neighbours", "danger_neighbours"):
            value = getattr(self, what)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise SettingError(f"{what} must be a whole number from 1 up; got {value!r}")
        check_number("reach must be", self.reach, float, Range(above=0, most=1))
        if self.copies not in COPIES:
            raise SettingError(f"copies are one of {', '.join(COPIES)}; got {self.copies!r}")

    def name(self, label: int) -> str | int:
        """Return what a class is called."""
        return label if self.names is None else self.names[label]


@dataclass(frozen=True, eq=False)
class Minority:
    """A class to add to: its samples' rising positions, how many to add, and its own stream."""

    label: int
    members: Positions
    count: int
    rng: np.random.Generator


class Draw(NamedTuple):
    """The recipes of one class, and what was not done as asked.

    share: how much of each label is that of the partner's class; None is nothing of any.
    operation: how the image of each is made; made_as: the class that each is labelled as; given:
    the image that each is: all as of ``Added``.
    """

    base: Positions
    partner: Positions
    weight: NDArray[np.float64]
    notes: tuple[str, ...] = ()
    share: NDArray[np.float64] | None = None
    operation: tuple[str, ...] | None = None
    made_as: NDArray[np.int64] | None = None
    given: Positions | None = None

    @classmethod
    def repeating(cls, base: Positions) -> "Draw":
        """These samples as they are: each its own partner."""
        return cls(base, base, np.zeros(len(base)))

    def noted(self, *notes: str) -> "Draw":
        """The same, with ``notes`` before its own."""
        return self._replace(notes=(*notes, *self.notes))


@dataclass(frozen=True, eq=False)
class Samples:
    """The table that is sampled from.

    given: features [N, D], or None for methods that need none. labels: the class index [N].
    """

    given: Features | None
    labels: Labels
    nearest: Nearest

    @cached_property
    def features(self) -> Features:
        """The features, checked; FeatureError where they are missing, misshapen or not finite."""
        features = self.given
        if features is None or features.ndim != 2 or features.shape[:1] != self.labels.shape:
            found = "none" if features is None else f"the shape {features.shape}"
            raise FeatureError(
                f"features of {len(self.labels)} samples are needed, but there are {found}: give "
                "one row per sample"
            )
        step = max(1, BLOCK_VALUES // max(1, features.shape[1]))
        for start in range(0, len(features), step):
            finite = np.isfinite(features[start : start + step]).all(axis=1)
            if not finite.all():
                raise FeatureError.not_finite(int(self.labels[start + finite.argmin()]))
        return features

    @cached_property
    def contents(self) -> Contents:
        """Return which samples are equal, of whatever class."""
        return contents_of(InMemory(self.features))

    @cached_property
    def points(self) -> Contents:
        """Return which samples are equal and of one class.

        Neighbours are sought among these points.
        """
        return self.contents.within(self.labels)

    def features_at(self, positions: Positions) -> Features:
        """The features at these rising positions; of all samples they are not copied."""
        return self.features if len(positions) == len(self.features) else self.features[positions]

    def members(self, label: int) -> Positions:
        """The rising positions of the samples of a class."""
        return np.flatnonzero(self.labels == label).astype(np.int64)
