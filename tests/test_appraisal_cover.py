"""What keeps the comparison with random picks quick: fewer draws, and fewer images looked at."""

import numpy as np
import pytest

from rebalance.appraisal import cover as cover_module
from rebalance.appraisal.cover import CoverComparison, compare_with_random, cover

RNG = np.random.default_rng


@pytest.fixture
def points():
    return RNG(1).normal(size=(3000, 4)).astype(np.float32)


def test_small_classes_are_compared_with_twenty_picks_of_all(points) -> None:
    found = compare_with_random(points[:200], np.arange(10), RNG(0))
    assert (found.draws, found.looked_at) == (20, None)


@pytest.mark.parametrize(
    ("distances", "draws", "looked_at"),
    [
        (1 << 40, 20, None),
        (10 * 2900 * 100, 9, None),
        (3 * 2900 * 100, 4, 3 * 2900 // 5),
        (1, 4, 1000),
    ],
)
def test_draws_go_first_and_then_samples_are_drawn(
    points, distances, draws, looked_at, monkeypatch
) -> None:
    monkeypatch.setattr(cover_module, "DISTANCES", distances)
    found = compare_with_random(points, np.arange(100), RNG(0))
    assert (found.draws, found.looked_at) == (draws, looked_at)


def test_a_part_of_the_samples_tells_what_all_do(points, monkeypatch) -> None:
    kept = np.argsort(points[:, 0])[1000:1100]  # a slice through the middle: poor cover
    whole = compare_with_random(points, kept, RNG(0))
    monkeypatch.setattr(cover_module, "DISTANCES", 1)
    part = compare_with_random(points, kept, RNG(0))
    assert part.looked_at == 1000
    assert part.mean_closer == pytest.approx(whole.mean_closer, rel=0.05)
    assert part.kept.mean == pytest.approx(whole.kept.mean, rel=0.05)
    assert part.kept.balance == pytest.approx(whole.kept.balance, abs=0.02)
    assert part.kept.farthest <= whole.kept.farthest


def test_only_those_asked_for_are_looked_at() -> None:
    points = np.array([[0.0], [1.0], [4.0], [10.0]])
    found = cover(points, np.array([0]), np.array([1, 2]))
    assert (found.farthest, found.mean) == (4.0, 2.5)

    found = cover(points, np.array([0, 3]), np.array([1]))
    # It stands for both that are left out: the first serves three of four, itself included.
    assert found.balance == pytest.approx(-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)))


def test_the_same_seed_gives_the_same_figures(points) -> None:
    kept = RNG(5).choice(3000, 900, replace=False)
    given = points.copy()
    first = compare_with_random(points, kept, RNG(2))
    assert isinstance(first, CoverComparison)
    assert first == compare_with_random(points, kept, RNG(2))
    np.testing.assert_array_equal(points, given)
