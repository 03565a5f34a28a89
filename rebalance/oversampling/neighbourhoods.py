"""Who lies near the samples of a class: its own samples, and those of all classes.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rebalance.oversampling.samples import Minority, Positions, SamplerOptions, Samples

_DIFFERENT = "different samples"
NEIGHBOURS = 5  # Chawla et al. 2002; also He et al. 2008's in imbalanced-learn


def own_count(
    samples: Samples, minority: Minority, options: SamplerOptions
) -> tuple[int, tuple[str, ...]]:
    """Return how many nearest of its own class a sample has as possible partners, and a note on it.

    5 unless told, and never more than there are others that differ; fewer than were asked for are
    noted.
    """
    others = len(_different(samples, minority)) - 1
    if options.neighbours is not None and options.neighbours > others:
        size = f"{others + 1} {_DIFFERENT if len(minority.members) > others + 1 else 'samples'}"
        return others, (
            f"{others} neighbours instead of {options.neighbours}: the class has {size}",
        )
    return min(options.neighbours or NEIGHBOURS, others), ()


def own_neighbours(samples: Samples, minority: Minority, base: Positions, count: int) -> Positions:
    """For each base [S] its ``count`` nearest others of its own class [S, count], nearest first.

    Equal samples are one, for which the first stands: none is a copy of its base.
    """
    different = _different(samples, minority)
    points = samples.points
    # Only what was drawn is searched for; often that is far less than the class.
    asking, place = np.unique(points.first[points.of[base]], return_inverse=True)
    indices, _ = samples.nearest(
        samples.features[different],
        count,
        queries=np.searchsorted(different, asking),
    )
    neighbours: Positions = different[indices[place]]
    return neighbours


def own_partners(samples: Samples, minority: Minority, base: Positions, count: int) -> Positions:
    """For each base [S] one of its ``own_neighbours``, each as likely."""
    neighbours = own_neighbours(samples, minority, base, count)
    which = minority.rng.integers(count, size=len(base))
    partners: Positions = neighbours[np.arange(len(base)), which]
    return partners


def _different(samples: Samples, minority: Minority) -> Positions:
    """The rising positions of the samples of a class that repeat none before them."""
    members, points = minority.members, samples.points
    different: Positions = members[points.first[points.of[members]] == members]
    return different


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
        """Return how many enemies each sample has among its neighbours [n_c]."""
        counts: Positions = np.count_nonzero(self.enemies, axis=1)
        return counts


def surround(samples: Samples, classes: Sequence[Minority], count: int) -> list[Surroundings]:
    """The ``count`` nearest of all classes around the samples of each class, in one search.

    Equal samples of a class are one, for which the first stands, and none is a neighbour of what
    equals it, of whatever class. Where the table has fewer other samples, all of them.
    """
    if not classes:
        return []
    points = samples.points
    content = samples.contents.of[points.first]
    most_alike = int(np.bincount(content).max())  # points of one content, of different classes
    others = len(points.first) - most_alike
    notes: tuple[str, ...] = ()
    if count > others > 0:
        size = f"{others + 1} {_DIFFERENT if samples.contents.repeat else 'samples'}"
        notes = (f"{others} neighbours instead of {count}: there are {size}",)
    own = [points.of[minority.members] for minority in classes]
    asking = np.concatenate([np.unique(numbers) for numbers in own])
    found = _around(samples, asking, min(count, others), most_alike - 1)
    place = np.empty(len(points.first), np.intp)
    place[asking] = np.arange(len(asking))
    parts = [points.first[found[place[numbers]]] for numbers in own]
    return [
        Surroundings(part, samples.labels[part] != minority.label, notes)
        for minority, part in zip(classes, parts, strict=True)
    ]


def _around(samples: Samples, asking: Positions, count: int, alike: int) -> Positions:
    """The ``count`` nearest points [Q, count] of other content to each of those that ask [Q].

    alike: how many other points may have the content of one that asks, at most.
    """
    if not count:
        return np.zeros((len(asking), 0), np.int64)
    points = samples.points
    found, _ = samples.nearest(samples.features_at(points.first), count + alike, queries=asking)
    if not alike:
        return found
    content = samples.contents.of[points.first]
    same = content[found] == content[asking][:, None]
    others_first = np.argsort(same, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(found, others_first, axis=1)
