"""The subclasses of one class: the groups that it is made of (Lehmann & Ebner 2022, section 3).

Standardise, principal components, a 2-D layout, k-means for every k, and the k with the best
silhouette; or another criterion, or without the layout. May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters.chance import chance_in_components, chance_on_map
from rebalance.clusters.criteria import CRITERIA
from rebalance.clusters.k_means import Clustering, Floats, clusterings
from rebalance.clusters.landmarks import drawn_landmarks, nearest_centres, placed_by_landmarks
from rebalance.clusters.layouts import LAYOUTS, MIN_SAMPLES
from rebalance.clusters.stability import stability
from rebalance.numerics.comparison import project_different
from rebalance.numerics.contents import Contents, contents_of
from rebalance.numerics.pca import principal_components
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.settings import SelectionOptions

PAPERS = SelectionOptions()
ALIKE = "all features are identical"
# The fields of SelectionOptions that say how a class is clustered.
CLUSTERING = ("k_max", "criterion", "cluster_space", "layout", "landmarks")


@dataclass(frozen=True, eq=False)
class Subclasses:
    """The clusters of one class, and where its samples lie.

    labels: the cluster [N] of each sample; 0 is the largest (tie: the one of the earlier sample).
    distances: from each sample [N] to the centre of its own cluster, where they were clustered.
    centres: k-means centres [k, D]; D is 2, or the number of components if those were clustered.
    points: the map [N, 2].
    silhouettes: the mean silhouette of each k that was tried; empty where none could be.
    note: why there is only one cluster; None where there are more.
    map: what the map is: ``umap``, or ``pca`` for the first two principal components.
    scores: what the criterion says of each k.
    stability: of the clustering, see ``clusters.stability``; None where there is one cluster.
    chance: the best silhouette that structureless samples would have; None where none was tried.
    errors: standard errors of the silhouettes, where they are estimates; else empty.
    rival: a k whose silhouette they cannot tell from that of the chosen one, by the silhouettes.
    landmarks: on how many samples all of this was found, which the others then joined; None is all.
    contents: which samples are equal and so were one point of all of this; None where none are.
    components: the samples [N, up to 50] in the space of ``numerics.comparison``, in which pickers
    compare them; None where nobody gave them.
    """

    labels: NDArray[np.intp]
    distances: NDArray[np.float64]
    centres: NDArray[np.float64]
    points: Floats
    silhouettes: dict[int, float]
    note: str | None = None
    map: str = "umap"
    scores: dict[int, float] = field(default_factory=dict)
    stability: float | None = None
    chance: float | None = None
    errors: dict[int, float] = field(default_factory=dict)
    rival: int | None = None
    landmarks: int | None = None
    contents: Contents | None = None
    components: NDArray[np.float32] | None = None

    @property
    def k(self) -> int:
        """The number of clusters."""
        return len(self.centres)

    @property
    def sizes(self) -> list[int]:
        """The number of samples in each cluster, in the order of the clusters."""
        return [int(size) for size in np.bincount(self.labels, minlength=self.k)]

    @property
    def silhouette(self) -> float | None:
        """The mean silhouette of the chosen k; None where there is one cluster."""
        return self.silhouettes.get(self.k)

    @property
    def above_chance(self) -> bool | None:
        """Tell whether the best silhouette tried is above that of structureless samples."""
        return None if self.chance is None else max(self.silhouettes.values()) > self.chance


def find_subclasses(
    matrix: FeatureMatrix,
    seed: int,
    *,
    k_max: int = PAPERS.k_max,
    criterion: str = PAPERS.criterion,
    space: str = PAPERS.cluster_space,
    layout: str = PAPERS.layout,
    landmarks: str = PAPERS.landmarks,
) -> Subclasses:
    """Find the subclasses of the class whose features are ``matrix`` [N, M].

    k runs from 2 to min(k_max, N - 1), and the criterion (a key of ``CRITERIA``) chooses; a tie
    goes to the smaller k. space: where k-means runs, on the ``map`` that UMAP draws, or ``pca``, on
    the principal components, the first two of which are then the map. layout: what draws it (a key
    of ``LAYOUTS``). landmarks: on how many samples all but the components is done (``auto``,
    ``none`` or a number, see ``clusters.landmarks``); in a class that is not large, ``auto`` is all
    of them. The defaults are the paper's.

    Samples of equal features are one point, however many they are: what is found is what would be
    found without the further copies, which then lie where the first one does.

    Fewer than 4 samples, or features that are all identical, make one cluster around the mean of
    the first two principal components, and so does a criterion that finds no groups, around the
    mean; ``note`` says so. FeatureError for an empty class and for features that are not finite.

    >>> import numpy as np
    >>> from rebalance.clusters import InMemory, find_subclasses
    >>> rng = np.random.default_rng(0)
    >>> groups = [rng.normal(place, 0.1, (size, 8)) for place, size in ((0.0, 30), (5.0, 20))]
    >>> found = find_subclasses(InMemory(np.concatenate(groups)), seed=0)
    >>> found.k, found.sizes
    (2, [30, 20])
    """
    contents = contents_of(matrix)
    different = matrix.take(contents.first) if contents.repeat else matrix
    components = principal_components(different)
    found = drawn_landmarks(len(components), landmarks, seed)
    if found is None:
        chosen = _clustered(components, seed, k_max, criterion, space, layout)
    else:
        chosen = _clustered(components[found], seed, k_max, criterion, space, layout)
        chosen = _joined(chosen, components, found)
    compared = project_different(different, seeds.generator(seed, "compared"))
    chosen = replace(chosen, components=compared)
    return _with_copies(chosen, contents) if contents.repeat else chosen


def _clustered(
    components: Floats, seed: int, k_max: int, criterion: str, space: str, layout: str
) -> Subclasses:
    """Cluster samples that have these principal components [N, d]."""
    if len(components) < MIN_SAMPLES:
        return _one_cluster(components, f"fewer than {MIN_SAMPLES} images to cluster")
    if not components.any():
        return _one_cluster(components, ALIKE)
    on_map = space == "map"
    points: Floats = components
    if on_map:
        points = LAYOUTS[layout](components, seeds.integer(seed, "umap")).astype(np.float64)
    fits = clusterings(points, k_max, seed)
    if not fits:
        return _one_cluster(components, "no two groups can be told apart")
    chosen = _chosen(points, fits, criterion, seed)
    if on_map:
        return replace(chosen, chance=chance_on_map(components))
    chance = chance_in_components(components, fits, seeds.integer(seed, "chance"))
    return replace(chosen, points=_first_two(components), map="pca", chance=chance)


def _joined(chosen: Subclasses, components: Floats, landmarks: NDArray[np.intp]) -> Subclasses:
    """Add the other samples to the subclasses ``chosen`` for the landmarks."""
    points: Floats = _first_two(components)
    clustered = points
    if chosen.map == "umap":
        points, labels = placed_by_landmarks(components, landmarks, chosen.points, chosen.labels)
        clustered = points
    else:
        if chosen.centres.shape[1] == components.shape[1]:
            clustered = components
        labels = nearest_centres(clustered, chosen.centres)
        labels[landmarks] = chosen.labels  # so that no cluster is without any
    labels, centres = _largest_first(labels, chosen.centres)
    return replace(
        chosen,
        labels=labels,
        distances=_distances(clustered, centres, labels),
        centres=centres,
        points=points,
        landmarks=len(landmarks),
    )


def _with_copies(chosen: Subclasses, contents: Contents) -> Subclasses:
    """Put every sample where the first of its content is, and count it in its cluster's size."""
    labels, centres = _largest_first(chosen.labels[contents.of], chosen.centres)
    note, different = chosen.note, len(contents.first)
    if different == 1:
        note = ALIKE
    elif different < MIN_SAMPLES:
        note = f"fewer than {MIN_SAMPLES} different images to cluster"
    return replace(
        chosen,
        labels=labels,
        distances=chosen.distances[contents.of],
        centres=centres,
        points=chosen.points[contents.of],
        note=note,
        contents=contents,
        components=None if chosen.components is None else chosen.components[contents.of],
    )


def _distances(
    points: Floats, centres: NDArray[np.float64], labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Measure the distance of each point [N, D] to the centre of its own cluster [N]."""
    distances = np.empty(len(points))
    for cluster, centre in enumerate(centres):  # not all at once, which would be [N, D] in float64
        own = labels == cluster
        distances[own] = np.linalg.norm(points[own] - centre, axis=1)
    return distances


def _chosen(
    points: Floats, fits: Mapping[int, Clustering], criterion: str, seed: int
) -> Subclasses:
    """Return the clustering of ``points`` that the criterion chooses."""
    labelings = {k: labels for k, (labels, _) in fits.items()}
    verdicts = {
        name: CRITERIA[name](points, labelings, seeds.integer(seed, "criterion", name))
        for name in dict.fromkeys(("silhouette", criterion))
    }
    k, note, again = verdicts[criterion].k, None, None
    if k == 1:
        labels, centres = _everything(points)
        note = f"the criterion {criterion} finds no groups"
    else:
        labels, centres = _largest_first(*fits[k])
        again = stability(points, labels, seeds.integer(seed, "stability"))
    return Subclasses(
        labels,
        _distances(points, centres, labels),
        centres,
        points,
        verdicts["silhouette"].values,
        note,
        scores=verdicts[criterion].values,
        stability=again,
        errors=verdicts["silhouette"].errors,
        rival=verdicts[criterion].rival,
    )


def _largest_first(labels: NDArray[np.intp], centres: NDArray[np.float64]) -> Clustering:
    """Renumber the clusters by falling size (tie: by their earliest sample)."""
    _, earliest, sizes = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((earliest, -sizes))
    return np.argsort(order)[labels], centres[order]


def _everything(points: Floats) -> Clustering:
    """Put all points into one cluster."""
    return np.zeros(len(points), np.intp), points.mean(axis=0, keepdims=True, dtype=np.float64)


def _first_two(components: NDArray[Any]) -> NDArray[np.float64]:
    """Return the first two components [N, 2]; a component that is missing becomes 0."""
    points = np.zeros((len(components), 2))
    points[:, : components.shape[1]] = components[:, :2]
    return points


def _one_cluster(components: NDArray[Any], note: str) -> Subclasses:
    points = _first_two(components)
    labels, centres = _everything(points)
    distances = np.linalg.norm(points - centres, axis=1)
    return Subclasses(labels, distances, centres, points, {}, note, map="pca")
