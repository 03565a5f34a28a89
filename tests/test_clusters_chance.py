"""Chance: structureless points seldom exceed it, groups always do."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from rebalance.clusters import umap_layout
from rebalance.clusters.chance import chance_in_components, chance_on_map
from rebalance.clusters.k_means import clusterings


def gaussian(samples, columns, seed):
    """Samples whose variances fall as 1, 1/2, 1/3..., and the number of directions they make."""
    variances = 1 / np.arange(1, columns + 1)
    points = np.random.default_rng(seed).standard_normal((samples, columns)) * np.sqrt(variances)
    return points.astype(np.float32)


def best(points, k_max=9):
    fits = clusterings(points, k_max, seed=0)
    return max(silhouette_score(points, labels) for labels, _ in fits.values())


@pytest.mark.together
@pytest.mark.parametrize(("samples", "columns"), [(40, 50), (100, 2), (150, 50)])
def test_maps_of_structureless_points_seldom_exceed_it(samples, columns):
    above = 0
    for seed in range(6):
        points = gaussian(samples, columns, seed)
        above += best(umap_layout(points, seed)) > chance_on_map(points)
    assert above <= 2  # of six at one in twenty, more are found once in 400 times


@pytest.mark.together
def test_maps_of_two_groups_exceed_it():
    points = np.random.default_rng(0).standard_normal((80, 20)).astype(np.float32)
    points[:40, :4] += 4
    assert best(umap_layout(points, 0)) > chance_on_map(points)


def test_is_the_formula_that_was_measured():
    rng = np.random.default_rng(0)
    for samples, columns in [(100, 1), (500, 4), (1000, 25)]:
        points = rng.standard_normal((samples, columns)) * 7.5
        expected = 0.49 + 0.31 / np.sqrt(columns) - 0.04 * np.log10(samples)
        assert chance_on_map(points) == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize(("few", "many"), [(4, 50), (1000, 30_000)])
def test_does_not_reach_beyond_what_was_measured(few, many):
    one, other = np.tile([[1.0], [-1.0]], (few // 2, 1)), np.tile([[1.0], [-1.0]], (many // 2, 1))
    assert chance_on_map(one) == chance_on_map(other)


@pytest.mark.parametrize("columns", [2, 30])
def test_structureless_components_seldom_exceed_it(columns):
    above = 0
    for seed in range(4):
        points = gaussian(80, columns, seed)
        above += best(points, 5) > chance_in_components(points, range(2, 6), seed)
    assert above <= 1


def test_components_in_groups_exceed_it():
    points = make_blobs(120, n_features=10, centers=3, random_state=0)[0]
    points -= points.mean(axis=0)
    assert best(points, 5) > chance_in_components(points, range(2, 6), 0)


def test_in_components_is_the_same_for_a_seed_and_smaller_where_fewer_k_are_tried():
    points = gaussian(60, 5, 0)
    every = chance_in_components(points, range(2, 10), 3)
    assert every == chance_in_components(points, range(2, 10), 3)
    assert chance_in_components(points, [9], 3) <= every


def test_few_samples_of_few_directions():
    points = np.array([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0], [-2.0, 0.0]])
    assert -1 < chance_in_components(points, [2, 3], 0) < 1
    assert 0.7 < chance_on_map(points) < 0.8
