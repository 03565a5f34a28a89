"""The folds of a study: how images are dealt out, so that each is validated on once.

Imports numpy; scikit-learn when it deals. May not import torch or click.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.errors import DataError
from rebalance.heads.folds import dealt, groups_per_class

Labels = NDArray[np.int64]
Folds = NDArray[np.intp]


def deal(
    labels: Labels,
    classes: Sequence[str],
    kin: Sequence[int],
    folds: int,
    seed: int,
    *,
    grouped: bool,
) -> Folds:
    """Deal out the images [N] to folds, from 0; every class lies in at least two of them.

    labels: index into ``classes`` [N]. kin: images with the same number [N] stay together: those of
    a group, and files that are equal. grouped: whether groups were given; if not, nearly every
    image is alone, and each class is spread over the folds as evenly as can be, duplicates going
    along with the first of them (scikit-learn's ``StratifiedKFold``). Groups are dealt so that the
    classes are as even as they allow (``StratifiedGroupKFold``).

    A class with fewer images than folds lies in as many folds as it has images; the others are
    validated without it. Raises DataError, naming the class, for one whose images are all in one
    fold, so that it could be trained on or validated on and not both; and for more folds than the
    largest class has images or groups.
    """
    numbers = np.asarray(kin)
    what = "group" if grouped else "image"
    sizes = groups_per_class(labels, numbers)
    for label, size in sizes.items():
        if size < 2:
            raise _one_sided(classes[label], f"only one {what}")
    if folds > max(sizes.values()):
        raise DataError(
            f"{folds} folds need a class of as many {what}s, and the largest has "
            f"{max(sizes.values())}: take fewer folds"
        )
    stream = seeds.integer(seed, "folds")
    found = dealt(labels, numbers, folds, stream, grouped=grouped)
    for label in np.unique(labels):
        if len(np.unique(found[labels == label])) < 2:
            raise _one_sided(classes[label], f"{what}s that all fell into one fold (seed {seed})")
    return found


def _one_sided(name: str, what: str) -> DataError:
    return DataError(
        f"every class is trained on and validated on, and class {name!r} has {what}: add images of "
        "it, or take it out of the study"
    )
