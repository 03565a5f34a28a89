"""The agreement of neighbours with labels: a slow loop, its ends, kin and ties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalance.appraisal.agreement import agreement

RNG = np.random.default_rng


def slow(points: np.ndarray, labels: np.ndarray, kin: np.ndarray, count: int) -> float:
    """One sample after the other, with the shares of all orders of what is equally far."""
    found: dict[int, list[tuple[float, float]]] = {}
    for i in range(len(points)):
        others = [j for j in range(len(points)) if kin[j] != kin[i]]
        mates = sum(labels[j] == labels[i] for j in others)
        if not mates:
            continue
        seen = min(count, mates)
        gaps = {j: round(float(np.square(points[j] - points[i]).sum()), 9) for j in others}
        last = sorted(gaps.values())[seen - 1]
        nearer = [j for j in others if gaps[j] < last]
        tied = [j for j in others if gaps[j] == last]
        own = sum(labels[j] == labels[i] for j in nearer)
        own += (seen - len(nearer)) * np.mean([labels[j] == labels[i] for j in tied])
        found.setdefault(int(labels[i]), []).append((own / seen, mates / len(others)))
    means = [np.mean(each, axis=0) for each in found.values()]
    corrected = [(share - chance) / (1 - chance) for share, chance in means if chance < 1]
    return float(np.mean(corrected)) if corrected else math.nan


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(1, 4), st.integers(1, 12))
def test_it_is_that_of_a_slow_loop(seed: int, samples: int, classes: int, count: int) -> None:
    rng = RNG(seed)
    points = rng.integers(0, 3, (samples, 2)).astype(float)  # many are equal, or equally far
    labels, kin = rng.integers(0, classes, samples), rng.integers(0, samples, samples)
    found = agreement(points, labels, kin, count=count)
    assert found == pytest.approx(slow(points, labels, kin, count), nan_ok=True)


def test_it_is_one_where_classes_lie_apart_and_nothing_by_chance() -> None:
    labels = np.repeat([0, 1], [190, 10])
    assert agreement(labels[:, None] + RNG(0).normal(0, 0.01, (200, 3)), labels) == 1.0
    assert agreement(np.ones((200, 3)), labels) == pytest.approx(0)
    noise = [agreement(RNG(seed).normal(size=(200, 3)), labels) for seed in range(20)]
    assert abs(np.mean(noise)) < 0.05


def test_copies_and_groups_are_no_neighbours_of_each_other() -> None:
    points = RNG(1).normal(size=(60, 4))
    labels, twice = RNG(2).integers(0, 2, 60), np.tile(np.arange(60), 2)
    alone = agreement(points, labels)
    doubled = agreement(points[twice], labels[twice])
    assert doubled > alone + 0.1
    asked = np.arange(60)  # each of their neighbours is there twice, which changes no share of 9
    assert agreement(points[twice], labels[twice], twice, asked, count=20) == pytest.approx(
        agreement(points, labels, count=10)
    )
