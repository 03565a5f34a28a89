"""A split of images into a training and a validation side, class by class and group by group.

Images of one group never end up on both sides.

Pure functions of arrays. Imports numpy and nothing heavier; may not import torch or click.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import DataError, SettingError

ROUNDING = 1e-12

Positions = NDArray[np.intp]


def stratified_split(
    labels: ArrayLike,
    fraction: float,
    rng: np.random.Generator,
    groups: Sequence[Hashable] | None = None,
) -> tuple[Positions, Positions]:
    """Divide images into positions to train on and positions to validate on, both rising.

    labels: class index of each image [N]. fraction: share of each class to validate on, above 0 and
    below 1. groups: what each image belongs to, such as its patient; images of one group stay on
    one side. None lets every image go where it likes.

    Of a class with n images, round(fraction · n) are validated on, but at least one and at most
    n - 1; a single image is trained on. With groups the shares are as close to ``fraction`` as
    moving any one group can bring them (by their squared differences, summed over classes). Every
    class is trained on; one whose images are all of one group, or whose groups other classes tie
    down, may have none to validate on.

    Raises SettingError for another fraction, and DataError where nothing is left to validate on.
    """
    if not 0 < fraction < 1:
        raise SettingError(
            f"the share to validate on must lie above 0 and below 1; got {fraction!r}"
        )
    numbers = np.asarray(labels, dtype=np.intp)
    validates = (
        _split_images(numbers, fraction, rng)
        if groups is None
        else _split_groups(numbers, fraction, rng, groups)
    )
    if not validates.any():
        raise DataError(
            "a class is split where it has two images, of two groups, but none of "
            f"{len(np.unique(numbers))} classes has: give the validation images yourself"
        )
    return np.flatnonzero(~validates), np.flatnonzero(validates)


def _split_images(
    labels: NDArray[np.intp], fraction: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Mark which images to validate on [N], where each may go its own way."""
    validates = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        wanted = min(max(round(fraction * len(members)), 1), len(members) - 1)
        validates[members[:wanted]] = True
    return validates


def _split_groups(
    labels: NDArray[np.intp],
    fraction: float,
    rng: np.random.Generator,
    groups: Sequence[Hashable],
) -> NDArray[np.bool_]:
    """Mark which images to validate on [N], whole groups at a time."""
    sizes: dict[Hashable, Counter[int]] = {}
    for group, label in zip(groups, labels.tolist(), strict=True):
        sizes.setdefault(group, Counter())[label] += 1
    names = list(sizes)
    drawn = [names[place] for place in rng.permutation(len(names))]
    # Large groups first, while there is room; equal ones in the order drawn.
    order = sorted(drawn, key=lambda group: -sizes[group].total())
    sides = _Sides(sizes, fraction)
    sides.cover(order)
    sides.settle(order)
    return np.array([group in sides.validated for group in groups], dtype=bool)


@dataclass
class _Sides:
    """The groups while they are dealt to the two sides; at first all are trained on.

    sizes: how many images of each class a group has. validated: the groups on the other side.
    """

    sizes: Mapping[Hashable, Mapping[int, int]]
    fraction: float
    validated: set[Hashable] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.total: Counter[int] = Counter()
        self.spread: Counter[int] = Counter()  # groups of each class
        self.count: Counter[int] = Counter()  # images of each class that are validated on
        for size in self.sizes.values():
            self.total.update(size)
            self.spread.update(size.keys())

    def cover(self, order: Sequence[Hashable]) -> None:
        """Let each class that has two groups be validated on, the one with fewest groups first."""
        owners: dict[int, list[Hashable]] = {}
        for group in order:
            for label in self.sizes[group]:
                owners.setdefault(label, []).append(group)
        for label in sorted(owners, key=lambda label: (self.spread[label], label)):
            fitting = [group for group in owners[label] if self._may_move(group)]
            if self.count[label] == 0 and fitting:
                self._move(min(fitting, key=self._worsening))

    def settle(self, order: Sequence[Hashable]) -> None:
        """Move groups, again and again in this order, while a move brings the shares closer.

        The differences fall with every move, so that this ends.
        """
        moved = True
        while moved:
            moved = False
            for group in order:
                # A gain within rounding could be had back and forth for ever.
                if self._worsening(group) < -ROUNDING and self._may_move(group):
                    self._move(group)
                    moved = True

    def _worsening(self, group: Hashable) -> float:
        """Compute what moving the group adds to the squared differences from ``fraction``."""
        added = 0.0
        for label, before, after in self._changes(group):
            total = self.total[label]
            added += (after / total - self.fraction) ** 2 - (before / total - self.fraction) ** 2
        return added

    def _may_move(self, group: Hashable) -> bool:
        """Tell whether each of the group's classes keeps an image on the side that it leaves."""
        if group in self.validated:
            return all(after for _, _, after in self._changes(group))
        return all(after < self.total[label] for label, _, after in self._changes(group))

    def _changes(self, group: Hashable) -> Iterator[tuple[int, int, int]]:
        """Return each class of the group with its validated images before and after the move."""
        sign = -1 if group in self.validated else 1
        for label, size in self.sizes[group].items():
            yield label, self.count[label], self.count[label] + sign * size

    def _move(self, group: Hashable) -> None:
        for label, _, after in list(self._changes(group)):
            self.count[label] = after
        self.validated ^= {group}


def linked(*groupings: Sequence[Hashable]) -> list[int]:
    """Merge several groupings of N images: two are together if any of the groupings says so.

    Links chain: a with b in one, b with c in another puts all three together. Each group has the
    number of its first image.
    """
    parents = list(range(len(groupings[0])))

    def find(image: int) -> int:
        while parents[image] != image:
            parents[image] = parents[parents[image]]
            image = parents[image]
        return image

    for grouping in groupings:
        first: dict[Hashable, int] = {}
        for image, group in zip(range(len(parents)), grouping, strict=True):
            ends = find(image), find(first.setdefault(group, image))
            parents[max(ends)] = min(ends)
    return [find(image) for image in range(len(parents))]
