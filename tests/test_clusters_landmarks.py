"""Landmarks: the clusters of a large class found on some of it, and joined by the others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from rebalance.clusters import find_subclasses, landmarks
from rebalance.clusters.landmarks import drawn_landmarks, nearest_centres, placed_by_landmarks
from rebalance.clusters.nearest import nearest_landmarks
from rebalance.numerics import products
from rebalance.numerics.pca import InMemory, principal_components
from rebalance.settings import LANDMARKS, LANDMARKS_ABOVE


def groups(sizes, columns=20):
    """Features of groups far apart, in random order, and the group of each sample."""
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = 10 * rng.standard_normal((len(sizes), columns))
    return (centres[truth] + rng.standard_normal((len(truth), columns))).astype(np.float16), truth


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(1, 70),
    known=st.integers(1, 150),
    columns=st.integers(1, 9),
    coarse=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_nearest_are_those_of_a_search_in_float64(samples, known, columns, coarse, seed):
    rng = np.random.default_rng(seed)
    points, marks = (rng.standard_normal((n, columns)).astype(np.float32) for n in (samples, known))
    if coarse:  # many ties
        points, marks = points.round(), marks.round()
    count = min(7, known)
    positions, distances = nearest_landmarks(points, marks, count)
    exact = np.linalg.norm(points[:, None].astype(np.float64) - marks[None], axis=2)
    order = np.argsort(exact, axis=1, kind="stable")[:, :count]
    np.testing.assert_allclose(distances, np.take_along_axis(exact, order, 1), rtol=1e-5, atol=1e-6)
    if coarse:
        np.testing.assert_array_equal(positions, order)
    np.testing.assert_allclose(np.take_along_axis(exact, positions.astype(int), 1), distances, 1e-5)


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    rng = np.random.default_rng(0)
    points, marks = (rng.standard_normal((n, 50)).astype(np.float32) for n in (3000, 300))
    found = set()
    for workers in (1, 2, 3):
        monkeypatch.setattr(products, "_workers", lambda workers=workers: workers)
        found.add(b"".join(part.tobytes() for part in nearest_landmarks(points, marks, 10)))
    assert len(found) == 1


def placed_slowly(components, known, places, labels):
    """One sample at a time."""
    own_places, own_labels = [], []
    for sample in components.astype(np.float64):
        gaps = np.linalg.norm(components[known] - sample, axis=1)
        near = np.argsort(gaps, kind="stable")[:10]
        beyond = gaps[near] - gaps[near[0]]
        weights = np.exp(-beyond / (beyond.mean() or 1))
        votes = {label: weights[labels[near] == label].sum() for label in set(labels[near])}
        won = max(sorted(votes), key=votes.get)
        voters = labels[near] == won
        own_places.append(np.average(places[near[voters]], axis=0, weights=weights[voters]))
        own_labels.append(won)
    return np.array(own_places), np.array(own_labels)


@pytest.mark.parametrize("known", [4, 9, 60])
def test_places_and_clusters_are_those_of_the_voters(known):
    rng = np.random.default_rng(known)
    components = rng.standard_normal((200, 6)).astype(np.float32)
    marks = np.sort(rng.choice(200, known, replace=False))
    places, labels = rng.standard_normal((known, 2)), rng.integers(3, size=known)
    found_places, found_labels = placed_by_landmarks(components, marks, places, labels)
    slow_places, slow_labels = placed_slowly(components, marks, places, labels)
    others = np.setdiff1d(np.arange(200), marks)
    np.testing.assert_array_equal(found_labels[others], slow_labels[others])
    np.testing.assert_allclose(found_places[others], slow_places[others], atol=1e-5)
    np.testing.assert_array_equal(found_places[marks], places)
    np.testing.assert_array_equal(found_labels[marks], labels)


def test_blocks_do_not_show(monkeypatch):
    rng = np.random.default_rng(1)
    components = rng.standard_normal((500, 8)).astype(np.float32)
    marks = np.arange(0, 500, 7)
    places, labels = rng.standard_normal((len(marks), 2)), rng.integers(4, size=len(marks))
    job = (components, marks, places, labels)
    whole = placed_by_landmarks(*job)
    monkeypatch.setattr(landmarks, "BLOCK", 33)
    for one, other in zip(whole, placed_by_landmarks(*job), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_place_lies_nearest_to_the_centre_of_its_own_cluster():
    features, _ = groups([300, 250, 200])
    found = find_subclasses(InMemory(features), seed=0, landmarks="150")
    nearest = nearest_centres(found.points, found.centres)
    assert (nearest == found.labels).mean() > 0.99


def test_nearest_centres_is_the_obvious_loop():
    rng = np.random.default_rng(0)
    points, centres = rng.standard_normal((80, 5)), rng.standard_normal((4, 5))
    slow = [int(np.argmin([((p - c) ** 2).sum() for c in centres])) for p in points]
    assert nearest_centres(points, centres).tolist() == slow


def test_who_has_landmarks():
    assert drawn_landmarks(LANDMARKS_ABOVE, "auto", 0) is None
    drawn = drawn_landmarks(LANDMARKS_ABOVE + 1, "auto", 0)
    assert len(np.unique(drawn)) == len(drawn) == LANDMARKS
    assert (np.diff(drawn) > 0).all()
    assert drawn_landmarks(10**6, "none", 0) is None
    assert drawn_landmarks(300, "300", 0) is None
    assert len(drawn_landmarks(301, "300", 0)) == 300
    np.testing.assert_array_equal(drawn_landmarks(900, "100", 3), drawn_landmarks(900, "100", 3))
    assert (drawn_landmarks(900, "100", 3) != drawn_landmarks(900, "100", 4)).any()


@pytest.mark.together
@pytest.mark.parametrize("space", ["map", "pca"])
@pytest.mark.parametrize("layout", ["fast", "umap"])
def test_finds_the_groups_that_all_samples_make(space, layout):
    features, truth = groups([700, 500, 400])
    few, everyone = (
        find_subclasses(InMemory(features), seed=0, space=space, layout=layout, landmarks=wanted)
        for wanted in ("150", "none")
    )
    assert few.landmarks == 150
    assert everyone.landmarks is None
    assert few.k == everyone.k == 3
    assert few.sizes == everyone.sizes == [700, 500, 400]
    assert adjusted_rand_score(truth, few.labels) == 1.0
    assert few.map == everyone.map
    assert few.points.shape == (1600, 2)
    where = few.points if space == "map" else principal_components(InMemory(features))
    own = np.linalg.norm(where - few.centres[few.labels], axis=1)
    np.testing.assert_allclose(few.distances, own, rtol=1e-6)


def test_each_sample_has_a_place_of_its_own():
    features, _ = groups([700, 500])
    found = find_subclasses(InMemory(features), seed=0, landmarks="100")
    assert len(np.unique(found.points, axis=0)) > 1100


@pytest.mark.parametrize("wanted", ["auto", "none", "135", "100000"])
def test_a_class_that_is_not_large_is_as_it_was(wanted):
    features, _ = groups([60, 30, 45])
    found = find_subclasses(InMemory(features), seed=0, landmarks=wanted)
    plain = find_subclasses(InMemory(features), seed=0)
    assert found.landmarks is None
    np.testing.assert_array_equal(found.points, plain.points)
    np.testing.assert_array_equal(found.labels, plain.labels)


def test_the_same_seed_the_same_subclasses_and_another_seed_other_landmarks():
    features, _ = groups([200, 150])
    first, again, other = (
        find_subclasses(InMemory(features), seed=seed, landmarks="100") for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.points != other.points).any()


def test_clusters_are_numbered_by_the_size_they_have_with_everyone_in():
    features, _ = groups([210, 200, 190, 180])
    for seed in range(4):  # in a draw of 100 the order is often another
        sizes = find_subclasses(InMemory(features), seed=seed, landmarks="100").sizes
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("space", ["map", "pca"])
def test_one_cluster_is_that_of_everyone(space):
    features = np.random.default_rng(0).uniform(size=(400, 2)).astype(np.float32)
    found = find_subclasses(
        InMemory(features), seed=0, criterion="gap", space=space, landmarks="120"
    )
    assert sum(found.sizes) == 400
    assert len(found.points) == len(found.distances) == 400
    same = find_subclasses(InMemory(np.ones((400, 3), np.float32)), seed=0, landmarks="120")
    assert same.sizes == [400]
    assert same.note == "all features are identical"
    assert not same.distances.any()
