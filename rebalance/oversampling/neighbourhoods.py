"""Who lies near the samples of a class: its own samples, and those of all classes.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rebalance.oversampling.samples import Minority, Positions, SamplerOptions, Samples

NEIGHBOURS = 5  # Chawla et al. 2002; also He et al. 2008's in imbalanced-learn


def own_count(minority: Minority, options: SamplerOptions) -> tuple[int, tuple[str, ...]]:
    """How many nearest of its own class a sample has as possible partners, and a note on it.

    5 unless told, and never more than there are others; fewer than were asked for are noted.
    """
    others = len(minority.members) - 1
    if options.neighbours is not None and options.neighbours > others:
        size = len(minority.members)
        return others, (
            f"{others} neighbours instead of {options.neighbours}: the class has {size} samples",
        )
    return min(options.neighbours or NEIGHBOURS, others), ()


def own_partners(samples: Samples, minority: Minority, base: Positions, count: int) -> Positions:
    """For each base [S] one of its ``count`` nearest of its own class, each as likely."""
    asking, place = np.unique(base, return_inverse=True)
    # Only what was drawn is searched for; often that is far less than the class.
    indices, _ = samples.nearest(
        samples.features[minority.members],
        count,
        queries=np.searchsorted(minority.members, asking),
    )
    chosen = indices[place, minority.rng.integers(count, size=len(base))]
    return minority.members[chosen]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The nearest neighbours of a class's samples among all classes.

    indices: positions [n_c, m], nearest first. enemies: which of them are of another class
    [n_c, m]. notes: said where there are fewer neighbours than were asked for.
    """

    indices: Positions
    enemies: NDArray[np.bool_]
    notes: tuple[str, ...] = ()

    @cached_property
    def enemy_counts(self) -> Positions:
        """How many enemies each sample has among its neighbours [n_c]."""
        counts: Positions = np.count_nonzero(self.enemies, axis=1)
        return counts


def surround(samples: Samples, classes: Sequence[Minority], count: int) -> list[Surroundings]:
    """The ``count`` nearest of all classes around the samples of each class, in one search.

    Where the table has fewer other samples, all of them.
    """
    if not classes:
        return []
    others = len(samples.labels) - 1
    notes: tuple[str, ...] = ()
    if count > others:
        notes = (f"{others} neighbours instead of {count}: there are {others + 1} samples",)
    queries = np.concatenate([minority.members for minority in classes])
    found, _ = samples.nearest(samples.features, min(count, others), queries=queries)
    ends = np.cumsum([len(minority.members) for minority in classes])
    return [
        Surroundings(part, samples.labels[part] != minority.label, notes)
        for minority, part in zip(classes, np.split(found, ends[:-1]), strict=True)
    ]
