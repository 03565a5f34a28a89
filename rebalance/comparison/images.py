"""The images that extractors are compared on: those of classes that can be told apart.

May not import torch or click.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.comparison.gathering import Described
from rebalance.comparison.judging import Judges, some_of_each
from rebalance.data.folder import ImageFolder
from rebalance.data.groups import groups_of, read_groups
from rebalance.data.splits import linked
from rebalance.errors import DataError, some
from rebalance.heads.folds import groups_per_class
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.settings import ComparisonOptions

Groups = Mapping[str, str]  # of each image, by its path


@dataclass(frozen=True, eq=False)
class ComparedImages:
    """The images that were gathered, as far as they are judged on, and who judges.

    places: which of the images that were gathered these are, rising. counts: of each class, by its
    name. notes: what should be known of them.
    """

    found: Described
    places: NDArray[np.intp]
    judges: Judges
    counts: dict[str, int]
    notes: Sequence[str]

    @classmethod
    def of(
        cls, found: Described, groups: Groups | None, asked: ComparisonOptions, seed: int
    ) -> "ComparedImages":
        """Link what may not be parted. Raises DataError where no two classes are left."""
        folder, grouped = found.folder, groups is not None
        linking = [found.digests, *([] if groups is None else [_own(folder, groups)])]
        kin = np.array(linked(*linking), dtype=np.intp)
        labels = np.array(folder.labels, dtype=np.int64)
        sizes = sizes_of(folder, labels, kin, grouped=grouped)
        left = [folder.classes.index(name) for name, size in sizes.items() if size > 1]
        places = np.flatnonzero(np.isin(labels, left))
        present, own = np.unique(labels[places], return_inverse=True)
        names = [folder.classes[label] for label in present.tolist()]
        folds = min(asked.folds, max(sizes.values()))
        judges = Judges(own, kin[places], grouped, folds, asked.repeats, seed)
        counts = dict(zip(names, np.bincount(own).tolist(), strict=True))
        return cls(found, places, judges, counts, list(_notes(sizes, asked.folds, grouped=grouped)))

    def features(self, name: str) -> FeatureMatrix:
        """Return the features of an extractor [N, D] of these images."""
        return self.found.features(name).take(self.places)


def groups_for(folder: ImageFolder, asked: ComparisonOptions) -> Groups | None:
    """Read the group of each image of a folder; None where none are given."""
    if asked.groups is None:
        return None
    groups = read_groups(asked.groups, asked.group_column)
    return dict(zip(folder.paths, groups_of(folder.paths, groups), strict=True))


def check_classes(folder: ImageFolder, groups: Groups | None) -> None:
    """Raise DataError, before anything is computed, where no two classes can be told apart."""
    labels = np.array(folder.labels, dtype=np.int64)
    own = range(len(labels)) if groups is None else _own(folder, groups)
    sizes_of(folder, labels, np.array(linked(own)), grouped=groups is not None)


def drawn(folder: ImageFolder, most: int | None, seed: int) -> ImageFolder:
    """Return the folder with at most so many images, those of large classes drawn."""
    if most is None or len(folder.paths) <= most:
        return folder
    rng = seeds.generator(seed, "comparison", "images")
    return folder.take(some_of_each(np.array(folder.labels), most, rng).tolist())


def sizes_of(
    folder: ImageFolder, labels: NDArray[np.int64], kin: NDArray[np.intp], *, grouped: bool
) -> dict[str, int]:
    """Count the images, or groups, of each class that may be parted, by the name of the class.

    Raises DataError where fewer than two classes have two.
    """
    sizes = {folder.classes[at]: size for at, size in groups_per_class(labels, kin).items()}
    able = [name for name, size in sizes.items() if size > 1]
    if len(able) < 2:
        what = "groups" if grouped else "different images"
        there = f"only {able[0]!r} has" if able else "none has"
        raise DataError(
            f"extractors are compared by how they tell classes apart: two classes with two {what} "
            f"each are needed, and of {len(folder.classes)} {there} so many: add images"
        )
    return sizes


def _own(folder: ImageFolder, groups: Groups) -> list[str]:
    return [groups[path] for path in folder.paths]


def _notes(sizes: Mapping[str, int], folds: int, *, grouped: bool) -> Iterator[str]:
    """Say which classes are judged by little, and which not at all."""
    what = "group" if grouped else "image"
    single = [name for name, size in sizes.items() if size < 2]
    if single:
        yield (
            f"Left out, since their only {what} cannot be both learned from and held out: "
            f"{some(single)}."
        )
    few = {name: size for name, size in sizes.items() if 1 < size < folds}
    if few:
        told = some([f"{name!r} ({size})" for name, size in few.items()])
        yield (
            f"With fewer {what}s than there are folds ({folds}), these classes are judged in some "
            f"of them only: {told}."
        )
