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

from rebalance import seeds
from rebalance.clusters import InMemory, Subclasses, find_subclasses
from rebalance.numerics.contents import Contents
from rebalance.quotas import QUOTAS, allot, sqrt
from rebalance.undersampling import coverage as covering
from rebalance.undersampling.copies import each_once, filled_up
from rebalance.undersampling.pickers import PICKERS, Picker, pick_per_cluster, typical
from rebalance.undersampling.preconditions import (
    Features,
    Indices,
    Labels,
    Values,
    check_left,
    check_wanted,
    checked,
    compared,
)

NEIGHBORS = 3


def subclass(
    features: Features,
    labels: Labels,
    wanted: Mapping[int, int],
    rng: np.random.Generator,
    *,
    pick: str = typical.__name__,
    quotas: str = sqrt.__name__,
    subclasses: Mapping[int, Subclasses] | None = None,
) -> Indices:
    """Every subclass of a class gives its share, as far as it has samples enough.

    Lehmann & Ebner 2022, whose shares are equal: ``quotas`` is the rule by which sizes tell them.
    Within a subclass the picker ``pick`` chooses. subclasses: those of the classes to cut; a class
    that is not among them is clustered by its features, which are otherwise not looked at. Keeps as
    many as wanted.
    """
    given = subclasses or {}
    check_wanted(labels, wanted)
    kept = np.isin(labels, list(wanted), invert=True)
    for label, size in sorted(wanted.items()):
        members = np.flatnonzero(labels == label)
        if label in given:
            found = given[label]
        else:
            values = checked(features, labels, wanted)
            found = find_subclasses(InMemory(values[members]), int(rng.integers(2**31)))
        kept[members[_picked(found, size, PICKERS[pick], QUOTAS[quotas], rng)]] = True
    return np.flatnonzero(kept)


def _picked(
    found: Subclasses,
    size: int,
    picker: Picker,
    weigh: Callable[[int], int],
    rng: np.random.Generator,
) -> Indices:
    """Share ``size`` out among the contents of the clusters; further copies only fill up."""
    contents = found.contents or Contents.all_of(len(found.labels))
    first = contents.first
    labels, distances = found.labels[first], found.distances[first]
    components = None if found.components is None else found.components[first]
    sizes = np.bincount(labels, minlength=found.k).tolist()
    quotas = allot(sizes, min(size, len(first)), weigh)
    picked = first[pick_per_cluster(labels, distances, quotas, picker, rng, components)]
    return filled_up(picked, contents, size, rng)


def random(
    features: Features, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Drawn without replacement; needs no features. Keeps as many as wanted."""
    check_wanted(labels, wanted)
    kept = np.isin(labels, list(wanted), invert=True)
    for label in sorted(wanted):
        kept[rng.choice(np.flatnonzero(labels == label), wanted[label], replace=False)] = True
    return np.flatnonzero(kept)


@each_once(checked)
def coverage(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples of each class that are least alike, so that its rare subclasses stay.

    See ``undersampling.coverage``. The draws of a class do not depend on the other classes. Keeps
    as many as wanted.
    """
    return _class_by_class(covering.coverage, features, labels, wanted, rng)


@each_once(checked)
def coverage_typical(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """The most typical of the samples around each of those, which a classifier learns more from.

    See ``undersampling.coverage``. The draws of a class do not depend on the other classes. Keeps
    as many as wanted.
    """
    return _class_by_class(covering.coverage_typical, features, labels, wanted, rng)


@each_once(compared)
def nearmiss_1(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples nearest, on average, to their 3 nearest of the smallest class.

    Zhang & Mani 2003. Keeps as many as wanted.
    """
    return _nearmiss(1, features, labels, wanted)


@each_once(compared)
def nearmiss_2(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples nearest, on average, to their 3 farthest of the smallest class.

    Zhang & Mani 2003. Keeps as many as wanted.
    """
    return _nearmiss(2, features, labels, wanted)


@each_once(compared)
def nearmiss_3(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Keep the samples farthest from the smallest class, of the 3 nearest to each of it.

    Zhang & Mani 2003. Keeps fewer than wanted where the first step leaves fewer.
    """
    return _nearmiss(3, features, labels, wanted)


@each_once(compared)
def tomek(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """All but those whose nearest neighbour is of another class, and they in turn its nearest.

    Tomek 1976. Removes what it finds, however many are wanted.
    """
    from imblearn.under_sampling import TomekLinks

    return _kept_by(TomekLinks(sampling_strategy=list(wanted)), features, labels, wanted)


@each_once(compared)
def enn(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """Edited nearest neighbours: all but those that a majority of their 3 neighbours outvotes.

    Wilson 1972. On a tie the sample is kept; it is no neighbour of its own, nor are its exact
    duplicates taken for it. Removes what it finds, however many are wanted.
    """
    from sklearn.neighbors import NearestNeighbors

    classes, codes = np.unique(labels, return_inverse=True)
    model = NearestNeighbors(n_neighbors=min(NEIGHBORS, len(labels) - 1)).fit(features)
    # Asked without samples, it leaves each one out by its index, not by its distance of 0.
    neighbors = codes[model.kneighbors(return_distance=False)]
    votes = (neighbors[:, :, None] == np.arange(len(classes))).sum(axis=1)
    most = votes.max(axis=1)
    decided = (votes == most[:, None]).sum(axis=1) == 1
    outvoted = decided & (votes.argmax(axis=1) != codes)
    kept = ~outvoted | np.isin(labels, list(wanted), invert=True)
    return check_left(np.flatnonzero(kept), labels, wanted)


@each_once(compared)
def oss(
    features: Values, labels: Labels, wanted: Mapping[int, int], rng: np.random.Generator
) -> Indices:
    """One-sided selection: drops what one random sample of its class explains, then Tomek links.

    Kubat & Matwin 1997. A sample stays if it lies nearer to the smallest class than to the one
    drawn from its own. Removes what it finds, however many are wanted.
    """
    from imblearn.under_sampling import OneSidedSelection

    sampler = OneSidedSelection(
        sampling_strategy=list(wanted), random_state=int(rng.integers(2**31))
    )
    return _kept_by(sampler, features, labels, wanted)


def _class_by_class(
    keep: Callable[[Any, int, np.random.Generator], Indices],
    features: Values,
    labels: Labels,
    wanted: Mapping[int, int],
    rng: np.random.Generator,
) -> Indices:
    """Return what ``keep`` keeps of each class to cut, and all of the others."""
    kept = np.isin(labels, list(wanted), invert=True)
    seed = int(rng.integers(2**63))
    for label, size in wanted.items():
        members = np.flatnonzero(labels == label)
        stream = seeds.generator(seed, "coverage", label)
        kept[members[keep(features[members], size, stream)]] = True
    return np.flatnonzero(kept)


def _nearmiss(version: int, features: Values, labels: Labels, wanted: Mapping[int, int]) -> Indices:
    from imblearn.under_sampling import NearMiss

    sizes = np.unique(labels, return_counts=True)[1]
    neighbors = min(NEIGHBORS, int(sizes.min()))
    sampler = NearMiss(
        sampling_strategy=dict(wanted),
        version=version,
        n_neighbors=neighbors,
        n_neighbors_ver3=neighbors,
    )
    return _kept_by(sampler, features, labels, wanted)


def _kept_by(sampler: Any, features: Values, labels: Labels, wanted: Mapping[int, int]) -> Indices:
    """Return what one of imbalanced-learn's samplers keeps."""
    with warnings.catch_warnings():
        # About counts that were not reached: whoever asked compares them.
        warnings.simplefilter("ignore", UserWarning)
        sampler.fit_resample(features, labels)
    return check_left(np.sort(sampler.sample_indices_.astype(np.intp)), labels, wanted)
