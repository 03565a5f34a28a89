"""Images that look out of place in their class: outliers, and members inside another class.

A hint for a person, never a decision: see docs/which-method.md for how often it is right. Works on
points alone: may not import torch or click. Imports numpy and nothing heavier.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.contents import contents_of
from rebalance.numerics.pca import InMemory

NEIGHBOURS = 10
FOREIGN = 8  # of the neighbours, of one other class, where none is of its own
DEVIATIONS = 3.0  # robust standard deviations of the class's log distances, from its median
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
LEAST = 20  # images of a class that can be judged

Points = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


class NearestSearch(Protocol):
    """Positions and distances [N, count] of each point's nearest others, nearest first."""

    def __call__(
        self, features: Points, count: int
    ) -> tuple[NDArray[np.integer[Any]], NDArray[np.float64]]: ...


def suspects(
    points: Points, labels: Labels, names: Sequence[str], nearest: NearestSearch
) -> dict[int, str]:
    """The positions of suspicious images, rising, each with what speaks against it.

    points: [N, D], compared by Euclidean distance. labels: the class [N] of each, an index into
    ``names``. An image is suspicious if it is

    - inside another class: of its 10 nearest neighbours over all classes 8 or more are of one other
      class, and none of its own;
    - an outlier: the logarithm of the distance to its 10th neighbour within its class lies more
      than 3 robust standard deviations (1.4826 times the median absolute deviation) above the
      median of its class.

    Equal images of a class are one, and share what is found: a copy under the same label clears
    nobody, and many copies of one image are no neighbourhood. Classes of fewer than 20 different
    images are not judged.
    """
    contents = contents_of(InMemory(points)).within(labels)
    if not contents.repeat:
        return _found(points, labels, names, nearest)
    found = _found(points[contents.first], labels[contents.first], names, nearest)
    return {
        position: found[number]
        for position, number in enumerate(contents.of.tolist())
        if number in found
    }


def _found(
    points: Points, labels: Labels, names: Sequence[str], nearest: NearestSearch
) -> dict[int, str]:
    """``suspects`` among points that are all different within their class."""
    if len(points) <= NEIGHBOURS:
        return {}
    judged = np.bincount(labels, minlength=len(names))[labels] >= LEAST
    found: dict[int, list[str]] = {}
    for position, (count, other) in _inside_others(points, labels, judged, nearest).items():
        text = f"{count} of its {NEIGHBOURS} neighbours are {names[other]!r}"
        found.setdefault(position, []).append(text)
    for label in np.unique(labels[judged]):
        members = np.flatnonzero(labels == label)
        for place, times in _outliers(points[members], nearest).items():
            text = f"outlier, {times:.1f} times as far from its neighbours as its class's median"
            found.setdefault(int(members[place]), []).append(text)
    return {position: "; ".join(found[position]) for position in sorted(found)}


def _inside_others(
    points: Points, labels: Labels, judged: NDArray[np.bool_], nearest: NearestSearch
) -> dict[int, tuple[int, int]]:
    """Position to how many of the neighbours are of which other class."""
    around = labels[nearest(points, NEIGHBOURS)[0]]
    alone = np.flatnonzero(judged & (around != labels[:, None]).all(axis=1))
    around = around[alone]
    same = (around[:, :, None] == around[:, None, :]).sum(axis=2)
    counts = same.max(axis=1, initial=0)
    commonest = around[np.arange(len(alone)), same.argmax(axis=1)] if len(alone) else counts
    inside = counts >= FOREIGN
    return {
        position: (count, other)
        for position, count, other in zip(
            alone[inside].tolist(), counts[inside].tolist(), commonest[inside].tolist(), strict=True
        )
    }


def _outliers(points: Points, nearest: NearestSearch) -> dict[int, float]:
    """Compare each sample's distance to its 10th neighbour with the median of its class.

    The result maps positions to the ratio, for the samples of one class.
    """
    radius = nearest(points, NEIGHBOURS)[1][:, -1]
    if not (radius > 0).any():
        return {}
    logs = np.log(np.maximum(radius, radius[radius > 0].min()))
    middle = np.median(logs)
    deviation = MAD_TO_DEVIATION * np.median(np.abs(logs - middle))
    if deviation == 0:  # mostly copies at one distance: there is no spread to be far beyond
        return {}
    far = np.flatnonzero(logs > middle + DEVIATIONS * deviation)
    return dict(zip(far.tolist(), np.exp(logs[far] - middle).tolist(), strict=True))
