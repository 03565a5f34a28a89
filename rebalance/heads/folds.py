"""Images dealt out to folds, class by class, kin staying together. Loads scikit-learn to deal."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Folds = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Sides:
    """Positions to fit on and to compare by, in a table of features."""

    fitted: NDArray[np.intp]
    compared: NDArray[np.intp]


def sides_of(
    labels: Labels,
    folds: int,
    stream: int,
    kin: NDArray[Any] | None = None,
    *,
    grouped: bool = False,
) -> list[Sides]:
    """Parting samples into folds, each of which is compared by once and fitted on otherwise.

    labels: class index [N]. folds: at most; fewer where no class has so many that may be parted,
    and none at all where nothing may be. stream: the seed. kin, grouped: as for ``dealt``; without
    kin every sample is alone.
    """
    kin = np.arange(len(labels)) if kin is None else kin
    fold = dealt_at_most(labels, kin, folds, stream, grouped=grouped)
    if fold is None:
        return []
    place, used = np.arange(len(labels)), np.unique(fold)
    return [Sides(place[fold != each], place[fold == each]) for each in used if len(used) > 1]


def groups_per_class(labels: Labels, kin: NDArray[Any]) -> dict[int, int]:
    """Count the different numbers of ``kin`` [N] among the images of each class, by its label."""
    present: list[int] = np.unique(labels).tolist()
    return {label: len(np.unique(kin[labels == label])) for label in present}


def dealt_at_most(
    labels: Labels, kin: NDArray[Any], folds: int, stream: int, *, grouped: bool
) -> Folds | None:
    """Deal images as ``dealt`` does, to fewer folds where no class has so many to be parted.

    None where no class has two.
    """
    folds = min(folds, max(groups_per_class(labels, kin).values()))
    return None if folds < 2 else dealt(labels, kin, folds, stream, grouped=grouped)


def dealt(labels: Labels, kin: NDArray[Any], folds: int, stream: int, *, grouped: bool) -> Folds:
    """Return the fold [N], from 0, of each image.

    labels: class index [N]. kin: images with the same number [N] stay together. stream: the seed.
    grouped: whether these are groups, dealt so that classes are as even as they allow
    (scikit-learn's ``StratifiedGroupKFold``); otherwise nearly every image is alone, and duplicates
    go along with the first of them (``StratifiedKFold``).
    """
    deal = _by_group if grouped else _by_image
    return deal(labels, kin, folds, stream)


def _by_image(labels: Labels, kin: NDArray[Any], folds: int, stream: int) -> Folds:
    from sklearn.model_selection import StratifiedKFold

    _, firsts, places = np.unique(kin, return_index=True, return_inverse=True)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=stream)
    return _dealt(splitter, labels[firsts], None)[places]


def _by_group(labels: Labels, kin: NDArray[Any], folds: int, stream: int) -> Folds:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=stream)
    return _dealt(splitter, labels, kin)


def _dealt(splitter: Any, labels: Labels, kin: NDArray[Any] | None) -> Folds:
    found = np.zeros(len(labels), np.intp)
    with warnings.catch_warnings():
        # scikit-learn warns of a class with fewer images than folds, which callers allow.
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, validated) in enumerate(splitter.split(labels, labels, kin)):
            found[validated] = fold
    return found
