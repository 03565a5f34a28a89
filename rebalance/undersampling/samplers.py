"""The ways to choose the samples to keep, as functions: each is an entry of ``UNDERSAMPLERS``.

``subclass``, ``coverage`` and ``coverage_typical`` look at one class after the other; NearMiss,
Tomek links, edited nearest neighbours and one-sided selection compare the classes, and are
imbalanced-learn's but for the third. May not import torch or click; scikit-learn and
imbalanced-learn are imported when needed.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters import InMemory, Subclasses, find_subclasses
from rebalance.errors import FeatureError
from rebalance.quotas import allot
from rebalance.undersampling import coverage as covering
from rebalance.undersampling.pickers import PICKERS, closest, pick_per_cluster

NEIGHBORS = 3

Features = NDArray[np.floating[Any]] | None
Labels = NDArray[np.integer[Any]]
Indices = NDArray[np.intp]


def subclass(
    features: Features,
    labels: Labels,
    wanted: Mapping[int, int],
    rng: np.random.Generator,
    *,
    pick: str = closest.__name__,
    subclasses: Mapping[int, Subclasses] | None = None,
) -> Indices:
    """Every subclass of a class gives an equal share, as far as it has samples enough.

    Lehmann & Ebner 2022. Within a subclass the picker ``pick`` chooses by the distances to its
    centre. subclasses: those of the classes to cut; a class that is not among them is clustered by
    its features, which are otherwise not looked at. Keeps as many as wanted.
    """
    given = subclasses or {}
    _check_wanted(labels, wanted)
    kept = np.isin(labels, list(wanted), invert=True)
    for label, size in sorted(wanted.items()):
        members = np.flatnonzero(labels == label)
        if label in given:
            found = given[label]
        else:
            values = _checked(features, labels, wanted)
            found = find_subclasses(InMemory(values[members]), int(rng.integers(2**31)))
        quotas = allot(found.sizes, size)
        picked = pick_per_cluster(found.labels, found.distances, quotas, PICKERS[pick], rng)
        kept[members[picked]] = True
    return np.flatnonzero(kept)


def random(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Drawn without replacement; needs no features. Keeps as many as wanted."""
    _check_wanted(labels, wanted)
    kept = np.isin(labels, list(wanted), invert=True)
    for label in sorted(wanted):
        kept[rng.choice(np.flatnonzero(labels == label), wanted[label], replace=False)] = True
    return np.flatnonzero(kept)


def coverage(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples of each class that are least alike, so that its rare subclasses stay.

    See ``undersampling.coverage``. The draws of a class do not depend on the other classes. Keeps
    as many as wanted.
    """
    return _class_by_class(covering.coverage, features, labels, wanted, rng)


def coverage_typical(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """The most typical of the samples around each of those, which a classifier learns more from.

    See ``undersampling.coverage``. The draws of a class do not depend on the other classes. Keeps
    as many as wanted.
    """
    return _class_by_class(covering.coverage_typical, features, labels, wanted, rng)


def nearmiss_1(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples nearest, on average, to their 3 nearest of the smallest class.

    Zhang & Mani 2003. Keeps as many as wanted.
    """
    return _nearmiss(1, features, labels, wanted)


def nearmiss_2(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples nearest, on average, to their 3 farthest of the smallest class.

    Zhang & Mani 2003. Keeps as many as wanted.
    """
    return _nearmiss(2, features, labels, wanted)


def nearmiss_3(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples farthest from the smallest class, of the 3 nearest to each of it.

    Zhang & Mani 2003. Keeps fewer than wanted where the first step leaves fewer.
    """
    return _nearmiss(3, features, labels, wanted)


def tomek(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """All but those whose nearest neighbour is of another class, and they in turn its nearest.

    Tomek 1976. Removes what it finds, however many are wanted.
    """
    from imblearn.under_sampling import TomekLinks

    features = _compared(features, labels, wanted)
    return _kept_by(TomekLinks(sampling_strategy=list(wanted)), features, labels, wanted)


def enn(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Edited nearest neighbours: all but those that a majority of their 3 neighbours outvotes.

    Wilson 1972. On a tie the sample is kept; it is no neighbour of its own, nor are its exact
    duplicates taken for it. Removes what it finds, however many are wanted.
    """
    from sklearn.neighbors import NearestNeighbors

    features = _compared(features, labels, wanted)
    classes, codes = np.unique(labels, return_inverse=True)
    model = NearestNeighbors(n_neighbors=min(NEIGHBORS, len(labels) - 1)).fit(features)
    # Asked without samples, it leaves each one out by its index, not by its distance of 0.
    neighbors = codes[model.kneighbors(return_distance=False)]
    votes = (neighbors[:, :, None] == np.arange(len(classes))).sum(axis=1)
    most = votes.max(axis=1)
    decided = (votes == most[:, None]).sum(axis=1) == 1
    outvoted = decided & (votes.argmax(axis=1) != codes)
    kept = ~outvoted | np.isin(labels, list(wanted), invert=True)
    return _check_left(np.flatnonzero(kept), labels, wanted)


def oss(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """One-sided selection: drops what one random sample of its class explains, then Tomek links.

    Kubat & Matwin 1997. A sample stays if it lies nearer to the smallest class than to the one
    drawn from its own. Removes what it finds, however many are wanted.
    """
    from imblearn.under_sampling import OneSidedSelection

    features = _compared(features, labels, wanted)
    sampler = OneSidedSelection(
        sampling_strategy=list(wanted), random_state=int(rng.integers(2**31))
    )
    return _kept_by(sampler, features, labels, wanted)


def _class_by_class(
    keep: Callable[[Any, int, np.random.Generator], Indices],
    features: Features,
    labels: Labels,
    wanted: Mapping[int, int],
    rng: np.random.Generator,
) -> Indices:
    """What ``keep`` keeps of each class to cut, and all of the others."""
    features = _checked(features, labels, wanted)
    kept = np.isin(labels, list(wanted), invert=True)
    seed = int(rng.integers(2**63))
    for label, size in wanted.items():
        members = np.flatnonzero(labels == label)
        stream = seeds.generator(seed, "coverage", label)
        kept[members[keep(features[members], size, stream)]] = True
    return np.flatnonzero(kept)


def _nearmiss(
    version: int, features: Features, labels: Labels, wanted: Mapping[int, int]
) -> Indices:
    from imblearn.under_sampling import NearMiss

    features = _compared(features, labels, wanted)
    sizes = np.unique(labels, return_counts=True)[1]
    neighbors = min(NEIGHBORS, int(sizes.min()))
    sampler = NearMiss(
        sampling_strategy=dict(wanted),
        version=version,
        n_neighbors=neighbors,
        n_neighbors_ver3=neighbors,
    )
    return _kept_by(sampler, features, labels, wanted)


def _kept_by(
    sampler: Any, features: NDArray[np.floating[Any]], labels: Labels, wanted: Mapping[int, int]
) -> Indices:
    """What one of imbalanced-learn's samplers keeps."""
    with warnings.catch_warnings():
        # About counts that were not reached: whoever asked compares them.
        warnings.simplefilter("ignore", UserWarning)
        sampler.fit_resample(features, labels)
    return _check_left(np.sort(sampler.sample_indices_.astype(np.intp)), labels, wanted)


def _check_wanted(labels: Labels, wanted: Mapping[int, int]) -> None:
    for label, count in wanted.items():
        size = int(np.count_nonzero(labels == label))
        if not 1 <= count <= size:
            raise ValueError(f"class {label} has {size} samples: {count} of them cannot be kept")


def _checked(
    features: Features, labels: Labels, wanted: Mapping[int, int]
) -> NDArray[np.floating[Any]]:
    _check_wanted(labels, wanted)
    if features is None or features.shape[:1] != labels.shape:
        found = "none" if features is None else f"the shape {features.shape}"
        raise FeatureError(f"features of {len(labels)} samples are needed, but there are {found}")
    if not np.isfinite(features).all():
        label = int(labels[~np.isfinite(features).all(axis=1)][0])
        raise FeatureError.not_finite(label)
    return features


def _compared(
    features: Features, labels: Labels, wanted: Mapping[int, int]
) -> NDArray[np.floating[Any]]:
    features = _checked(features, labels, wanted)
    if len(np.unique(labels)) < 2:
        raise FeatureError(
            "neighbours of other classes are compared, but there is one class: use random"
        )
    return features


def _check_left(kept: Indices, labels: Labels, wanted: Mapping[int, int]) -> Indices:
    for label in wanted:
        if not np.isin(label, labels[kept]):
            raise FeatureError(
                "it would lose all its samples, which lie among other classes: choose another "
                "method, or leave the class out",
                label,
            )
    return kept
