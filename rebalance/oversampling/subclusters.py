"""Oversampling by clusters: each subclass of a class is raised by repetition.

Imports numpy and nothing heavier; the clustering is imported when it is needed. May not import
torch or click.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.oversampling.samples import (
    Draw,
    Labels,
    Minority,
    Positions,
    SamplerOptions,
    Samples,
)
from rebalance.quotas import fill_up


def cluster(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Samples repeated, so that the clusters of a class become as equal as they can be.

    Drawn with replacement within each cluster; the smallest clusters are raised first, none is cut.
    Adding ``cluster_total`` minus its size to every class, the largest one too, is the published
    procedure; any other number is shared by the same rule. ValueError for given clusters that are
    not one for each sample. Source: Jo & Japkowicz, "Class Imbalances versus Small Disjuncts",
    SIGKDD Explorations 2004.
    """
    return [
        Draw.repeating(_raised(minority, _assignment(samples, minority, options)))
        for minority in classes
    ]


def cluster_total(sizes: Sequence[int]) -> int:
    """The size that Jo & Japkowicz give to every class, from the clusters of the largest class.

    sizes: of those clusters, each of which is raised to the largest of them.

    >>> from rebalance.oversampling import cluster_total
    >>> cluster_total([50, 30, 10])
    150
    """
    return len(sizes) * max(sizes, default=0)


def _raised(minority: Minority, assignment: Labels) -> Positions:
    """Return what to repeat; a cluster is a value of ``assignment`` [n_c]."""
    _, numbers, sizes = np.unique(assignment, return_inverse=True, return_counts=True)
    added = fill_up(sizes.tolist(), minority.count)
    return np.concatenate(
        [
            minority.rng.choice(minority.members[numbers == number], count)
            for number, count in enumerate(added)
        ]
    )


def _assignment(samples: Samples, minority: Minority, options: SamplerOptions) -> Labels:
    given = options.subclasses or {}
    if minority.label not in given:
        return _found(samples, minority)
    assignment = np.asarray(given[minority.label])
    if assignment.shape != minority.members.shape:
        raise ValueError(
            f"class {minority.label} has {len(minority.members)} samples, but its clusters have "
            f"the shape {assignment.shape}"
        )
    return assignment


def _found(samples: Samples, minority: Minority) -> NDArray[np.intp]:
    from rebalance.clusters import find_subclasses
    from rebalance.numerics.pca import InMemory

    seed = int(minority.rng.integers(2**31))
    return find_subclasses(InMemory(samples.features[minority.members]), seed).labels
