"""Subclasses: found where they are known, one where there is nothing to find."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, silhouette_score

from rebalance.clusters import CRITERIA, LAYOUTS, Subclasses, find_subclasses, subclasses
from rebalance.errors import FeatureError
from rebalance.numerics.pca import InMemory, principal_components


def groups(sizes: list[int], columns: int = 20) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Features of groups far apart, in random order, and the group of each sample."""
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = 10 * rng.standard_normal((len(sizes), columns))
    return (centres[truth] + rng.standard_normal((len(truth), columns))).astype(np.float16), truth


@pytest.fixture(scope="module")
def found() -> tuple[Subclasses, NDArray[np.int64]]:
    features, truth = groups([60, 30, 45])
    return find_subclasses(InMemory(features), seed=0), truth


def test_finds_the_groups(found: tuple[Subclasses, NDArray[np.int64]]) -> None:
    subclasses, truth = found
    assert subclasses.k == 3
    assert subclasses.note is None
    assert adjusted_rand_score(truth, subclasses.labels) == 1.0


def test_numbers_clusters_by_falling_size(found: tuple[Subclasses, NDArray[np.int64]]) -> None:
    assert found[0].sizes == [60, 45, 30]


def test_scores_every_k(found: tuple[Subclasses, NDArray[np.int64]]) -> None:
    subclasses, _ = found
    assert list(subclasses.silhouettes) == list(range(2, 10))
    assert subclasses.silhouette == max(subclasses.silhouettes.values())
    assert subclasses.silhouette == pytest.approx(
        silhouette_score(subclasses.points, subclasses.labels), abs=1e-6
    )


def test_centres_and_distances_are_those_of_the_layout(
    found: tuple[Subclasses, NDArray[np.int64]],
) -> None:
    subclasses, _ = found
    for cluster in range(subclasses.k):
        own = subclasses.points[subclasses.labels == cluster]
        np.testing.assert_allclose(subclasses.centres[cluster], own.mean(axis=0), atol=1e-6)
    for sample, cluster in enumerate(subclasses.labels):
        dx, dy = subclasses.points[sample] - subclasses.centres[cluster]
        assert subclasses.distances[sample] == pytest.approx((dx**2 + dy**2) ** 0.5)


def test_same_seed_same_subclasses(found: tuple[Subclasses, NDArray[np.int64]]) -> None:
    again = find_subclasses(InMemory(groups([60, 30, 45])[0]), seed=0)
    np.testing.assert_array_equal(again.points, found[0].points)
    np.testing.assert_array_equal(again.labels, found[0].labels)
    assert again.silhouettes == found[0].silhouettes


def test_two_handwritten_digits_are_told_apart() -> None:
    images, digits = load_digits(return_X_y=True)
    mixed = np.isin(digits, [0, 4])
    subclasses = find_subclasses(InMemory(images[mixed]), seed=0)
    assert subclasses.k == 2
    assert adjusted_rand_score(digits[mixed], subclasses.labels) > 0.98


@pytest.mark.parametrize("samples", range(1, 12))
def test_small_classes(samples: int) -> None:
    features = np.random.default_rng(samples).standard_normal((samples, 6))
    subclasses = find_subclasses(InMemory(features), seed=2)
    assert sum(subclasses.sizes) == samples
    assert min(subclasses.sizes) > 0
    assert subclasses.points.shape == (samples, 2)
    assert subclasses.centres.shape == (subclasses.k, 2)
    assert (subclasses.k == 1) == (samples < 4)
    assert max(subclasses.silhouettes, default=1) <= max(1, samples - 1)


@pytest.mark.parametrize(
    ("features", "note"),
    [
        (np.ones((1, 1)), "fewer than 4 images"),
        (np.array([[1.0], [2.0]]), "fewer than 4 images"),
        (np.eye(3), "fewer than 4 images"),
        (np.full((30, 8), 0.1), "all features are identical"),
        (np.full((5, 1), 7.0, np.float16), "all features are identical"),
    ],
)
def test_one_cluster_says_why(features: NDArray[Any], note: str) -> None:
    subclasses = find_subclasses(InMemory(features), seed=0)
    assert subclasses.note is not None
    assert note in subclasses.note
    assert subclasses.sizes == [len(features)]
    assert subclasses.silhouettes == {}
    assert subclasses.silhouette is None
    np.testing.assert_allclose(subclasses.centres[0], subclasses.points.mean(axis=0))
    np.testing.assert_allclose(
        subclasses.distances,
        np.linalg.norm(subclasses.points - subclasses.points.mean(axis=0), axis=1),
    )


def test_a_layout_on_one_spot_is_one_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LAYOUTS, "spot", lambda components, seed: np.zeros((len(components), 2)))
    found = find_subclasses(InMemory(groups([5, 5])[0]), seed=0, layout="spot")
    assert found.k == 1
    assert found.note == "no two groups can be told apart"


@pytest.mark.parametrize("distinct", [2, 3])
def test_many_duplicates(distinct: int) -> None:
    features = np.random.default_rng(0).standard_normal((distinct, 10))[np.arange(80) % distinct]
    found = find_subclasses(InMemory(features), seed=0)
    assert len(np.unique(found.labels)) == found.k
    assert sum(found.sizes) == 80
    assert found.note == "fewer than 4 different images to cluster"


@pytest.mark.parametrize("space", ["map", "pca"])
@pytest.mark.parametrize("criterion", ["silhouette", "stability"])
def test_what_is_found_is_what_would_be_found_without_further_copies(
    space: str, criterion: str
) -> None:
    features, _ = groups([30, 12])
    rng = np.random.default_rng(1)
    content = rng.permutation(np.concatenate([np.arange(42), np.full(60, 5), [7, 7, 9]]))
    first = np.sort(np.unique(content, return_index=True)[1])
    options = {"space": space, "criterion": criterion}
    plain = find_subclasses(InMemory(features[content[first]]), seed=0, **options)
    found = find_subclasses(InMemory(features[content]), seed=0, **options)
    for name in ("silhouettes", "scores", "stability", "chance", "map", "note"):
        assert getattr(found, name) == getattr(plain, name)
    np.testing.assert_array_equal(found.points[first], plain.points)
    np.testing.assert_array_equal(found.distances[first], plain.distances)
    assert adjusted_rand_score(found.labels[first], plain.labels) == 1
    assert found.sizes == sorted(found.sizes, reverse=True)
    assert sum(found.sizes) == len(content)
    for number in range(42):  # a copy lies where the first lies
        own = content == number
        assert len(np.unique(found.points[own], axis=0)) == 1
        assert len(set(found.labels[own].tolist())) == 1
    assert plain.contents is None


def test_equal_sizes_are_numbered_by_their_earliest_sample() -> None:
    labels, centres = subclasses._largest_first(
        np.array([2, 0, 2, 0, 1, 1, 1]), np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    )
    assert labels.tolist() == [1, 2, 1, 2, 0, 0, 0]
    assert centres[:, 0].tolist() == [1.0, 2.0, 0.0]


def test_features_that_are_not_finite_are_refused() -> None:
    features = groups([10, 10])[0]
    features[0, 0] = np.inf
    with pytest.raises(FeatureError, match="finite"):
        find_subclasses(InMemory(features), seed=0)


def test_more_clusters_where_more_are_looked_for() -> None:
    features, truth = groups([20] * 12)
    few = find_subclasses(InMemory(features), seed=0)
    more = find_subclasses(InMemory(features), seed=0, k_max=15)
    assert list(more.silhouettes) == list(range(2, 16))
    for k, value in few.silhouettes.items():
        assert more.silhouettes[k] == pytest.approx(value, abs=1e-9)
    assert few.k <= 9
    assert more.k == 12
    assert adjusted_rand_score(truth, more.labels) == 1.0


def test_another_criterion_changes_the_choice_and_not_the_silhouettes(
    found: tuple[Subclasses, NDArray[np.int64]],
) -> None:
    features, _ = groups([60, 30, 45])
    other = find_subclasses(InMemory(features), seed=0, criterion="davies-bouldin")
    assert other.silhouettes == found[0].silhouettes
    assert found[0].scores == found[0].silhouettes
    assert other.k == max(other.scores, key=lambda k: other.scores[k])
    np.testing.assert_array_equal(other.points, found[0].points)


def test_groups_are_stable_and_above_chance(found: tuple[Subclasses, NDArray[np.int64]]) -> None:
    assert found[0].stability == 1.0
    assert found[0].above_chance
    assert found[0].map == "umap"


def test_noise_is_not_above_chance() -> None:
    features = np.random.default_rng(0).standard_normal((150, 40))
    for space in ("map", "pca"):
        noise = find_subclasses(InMemory(features), seed=0, space=space)
        assert noise.chance is not None
        assert max(noise.silhouettes.values()) <= noise.chance
        assert noise.above_chance is False


def test_components_instead_of_the_map() -> None:
    features, truth = groups([60, 30, 45])
    found = find_subclasses(InMemory(features), seed=0, space="pca")
    components = principal_components(InMemory(features))
    assert found.map == "pca"
    np.testing.assert_array_equal(found.points, components[:, :2])
    assert adjusted_rand_score(truth, found.labels) == 1.0
    assert found.centres.shape == (3, components.shape[1])
    for sample, cluster in enumerate(found.labels):
        gap = components[sample] - found.centres[cluster]
        assert found.distances[sample] == pytest.approx((gap**2).sum() ** 0.5)
    assert found.silhouette == pytest.approx(silhouette_score(components, found.labels), abs=1e-6)


@pytest.mark.parametrize("space", ["map", "pca"])
def test_a_criterion_may_find_no_groups(space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(0).uniform(size=(120, 2))
    monkeypatch.setitem(LAYOUTS, "as they are", lambda components, seed: np.asarray(components))
    found = find_subclasses(
        InMemory(features), seed=0, criterion="gap", space=space, layout="as they are"
    )
    assert found.k == 1
    assert found.sizes == [120]
    assert found.note == "the criterion gap finds no groups"
    assert found.silhouette is None
    assert found.stability is None
    assert list(found.silhouettes) == list(range(2, 10))
    np.testing.assert_allclose(found.centres[0], found.points.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("samples", range(1, 8))
@pytest.mark.parametrize("criterion", CRITERIA)
def test_small_classes_by_every_criterion_in_components(criterion: str, samples: int) -> None:
    features = np.random.default_rng(samples).standard_normal((samples, 6))
    found = find_subclasses(InMemory(features), seed=2, criterion=criterion, space="pca", k_max=20)
    assert sum(found.sizes) == samples
    assert found.points.shape == (samples, 2)
    assert found.k == 1 or found.k < samples
    assert (found.stability is None) == (found.k == 1)
