"""A head chooses its numbers by sides: validation images, or folds of the training samples.

Imports no torch; never click.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.data.groups import read_groups
from rebalance.data.samples import TrainingSet
from rebalance.data.separation import kin_of
from rebalance.data.splits import linked
from rebalance.heads import Sides, sides_of
from rebalance.runs.sets import Sets
from rebalance.settings import ScoringOptions
from rebalance.settings.recipes import ProbeRecipe


def labels_of(sets: Sets) -> NDArray[np.int64]:
    """The labels of the training samples, and after them of the validation images."""
    judged = () if sets.validation is None else sets.validation.folder.labels
    return np.array([*sets.seen.folder.labels, *judged], dtype=np.int64)


def probe_sides(sets: Sets, scoring: ScoringOptions, recipe: ProbeRecipe, seed: int) -> list[Sides]:
    """Part the samples to compare numbers by: validation images, or folds of the training samples.

    Samples of one content, of one group, or that blend with one of them stay together. Empty where
    no class has two that may be parted.
    """
    labels = labels_of(sets)
    if sets.validation is not None:
        place = np.arange(len(labels))
        seen = len(sets.seen.folder.paths)
        return [Sides(place[:seen], place[seen:])]
    groups = None
    if scoring.groups is not None:
        groups = read_groups(scoring.groups, scoring.group_column)
    kin = _kin(sets.seen, kin_of(sets.seen, groups))
    stream = seeds.integer(seed, "probe")
    return sides_of(labels, recipe.folds, stream, kin, grouped=groups is not None)


def compared_labels(sets: Sets, sides: Sequence[Sides]) -> list[int]:
    """The labels of the samples that some side compares numbers on, and so holds out."""
    labels = labels_of(sets)
    return [int(label) for side in sides for label in labels[side.compared]]


def _kin(seen: TrainingSet, number: dict[str, int]) -> NDArray[np.intp]:
    """A number for each sample [N], the same for those that must stay together.

    number: the same for files that must.
    """
    own = [number[path] for path in seen.folder.paths]
    others = [
        number[path if other is None else other]
        for path, other in zip(seen.folder.paths, seen.partners, strict=True)
    ]
    return np.array(own if own == others else linked(own, others), dtype=np.intp)
