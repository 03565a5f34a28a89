"""Suspects: a slow loop, images planted inside another class and far from all, small classes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from rebalance.appraisal.suspects import suspects
from rebalance.neighbours import nearest

RNG = np.random.default_rng
NAMES = ("cat", "dog", "owl")


def slow(points: np.ndarray, labels: np.ndarray) -> dict[int, set[str]]:
    """Which rules apply to which image."""
    gaps = cdist(points, points)
    np.fill_diagonal(gaps, np.inf)
    found: dict[int, set[str]] = {}
    radius = np.full(len(points), np.nan)
    for i in range(len(points)):
        if np.sum(labels == labels[i]) < 20:
            continue
        around = labels[np.argsort(gaps[i], kind="stable")[:10]]
        most = max(np.sum(around == other) for other in set(labels) - {labels[i]} | {-1})
        if labels[i] not in around and most >= 8:
            found.setdefault(i, set()).add("inside")
        radius[i] = np.sort(gaps[i, labels == labels[i]])[9]
    for i in range(len(points)):
        logs = np.log(radius[labels == labels[i]])
        middle = np.median(logs)
        if np.log(radius[i]) > middle + 3 * 1.4826 * np.median(abs(logs - middle)):
            found.setdefault(i, set()).add("outlier")
    return found


def kinds(found: dict[int, str]) -> dict[int, set[str]]:
    return {
        position: {
            kind
            for kind, sign in (("inside", "neighbours are"), ("outlier", "outlier"))
            if sign in why
        }
        for position, why in found.items()
    }


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 45), min_size=3, max_size=3).filter(lambda sizes: sum(sizes) > 11),
)
def test_a_slow_loop_finds_the_same(seed: int, sizes: list[int]) -> None:
    rng = RNG(seed)
    labels = np.repeat(np.arange(3), sizes)
    points = rng.standard_t(3, size=(len(labels), 2)) + 3 * labels[:, None]
    labels = np.where(rng.random(len(labels)) < 0.1, rng.integers(0, 3, len(labels)), labels)
    given_points, given_labels = points.copy(), labels.copy()
    found = suspects(points, labels, NAMES, nearest)
    assert kinds(found) == slow(points, labels)
    assert list(found) == sorted(found)
    np.testing.assert_array_equal(points, given_points)
    np.testing.assert_array_equal(labels, given_labels)


def planted() -> tuple[np.ndarray, np.ndarray]:
    """Two round classes; image 0 is a cat among dogs, image 1 a cat far from everything."""
    rng = RNG(0)
    points = np.concatenate((rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + 9))
    points[0], points[1] = 9, 30
    return points, np.repeat([0, 1], 60)


def test_the_planted_are_found_with_what_speaks_against_them() -> None:
    points, labels = planted()
    found = suspects(points, labels, NAMES, nearest)
    assert found[0].startswith("10 of its 10 neighbours are 'dog'; outlier, ")
    assert "10 of its 10 neighbours are 'dog'; outlier, " in found[1]
    assert "times as far from its neighbours as its class's median" in found[1]
    assert len(found) <= 4


def test_a_copy_under_the_same_label_clears_nobody() -> None:
    points, labels = planted()
    plain = suspects(points, labels, NAMES, nearest)
    assert {0, 1} <= set(plain)
    copied = np.concatenate([np.arange(len(points)), np.repeat([0, 1, 30], [12, 12, 40])])
    shuffled = RNG(3).permutation(copied)
    found = suspects(points[shuffled], labels[shuffled], NAMES, nearest)
    assert found == {
        place: plain[int(content)]
        for place, content in enumerate(shuffled.tolist())
        if content in plain
    }


def test_one_neighbour_of_its_own_clears_an_image_of_being_inside_another_class() -> None:
    points, labels = planted()
    points[2] = points[0] + 1e-3
    assert "neighbours are" not in suspects(points, labels, NAMES, nearest).get(0, "")


def test_small_classes_and_copies_are_not_judged() -> None:
    points, labels = planted()
    labels[20:60] = 2
    labels[19] = 2  # cats: 19
    assert not {0, 1} & set(suspects(points, labels, NAMES, nearest))
    assert suspects(np.zeros((50, 2)), np.zeros(50, int), NAMES, nearest) == {}
    assert suspects(np.eye(10), np.zeros(10, int), NAMES, nearest) == {}
