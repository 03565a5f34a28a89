"""The parallel layout: the same for any number of threads, and as true to its samples as umap's."""

from itertools import combinations

import numba
import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.manifold import trustworthiness

from rebalance.clusters.layouts import fast as module
from rebalance.clusters.layouts import umap_layout
from rebalance.clusters.layouts.descent import mixed, power, rounds_of
from rebalance.clusters.layouts.fast import CURVE, fast_layout
from rebalance.numerics import products


def blobs(samples):
    points, labels = make_blobs(samples, 20, centers=5, cluster_std=2.0, random_state=7)
    return points.astype(np.float32), labels


@pytest.mark.together
def test_as_true_to_its_samples_as_umap_learns():
    points, labels = blobs(800)
    ours, theirs = fast_layout(points, 0), umap_layout(points, 0)
    assert ours.shape == (800, 2) and ours.dtype == np.float32
    truths = [trustworthiness(points, layout, n_neighbors=15) for layout in (ours, theirs)]
    assert truths[0] > truths[1] - 0.01
    # As spread out: the gaps between the groups in units of their own extent.
    spreads = []
    for layout in (ours, theirs):
        centres = np.array([layout[labels == label].mean(axis=0) for label in range(5)])
        within = np.mean([layout[labels == label].std() for label in range(5)])
        gaps = [np.linalg.norm(one - two) for one, two in combinations(centres, 2)]
        spreads.append(np.median(gaps) / within)
    assert 0.5 < spreads[0] / spreads[1] < 2


def test_threads_change_no_bit_and_seeds_do(monkeypatch):
    points, _ = blobs(600)
    layouts = {fast_layout(points, 3).tobytes()}
    monkeypatch.setattr(module, "ALONE", 0)
    for workers in (1, 2, 3):
        monkeypatch.setattr(products, "_workers", lambda workers=workers: workers)
        layouts.add(fast_layout(points, 3).tobytes())
    assert len(layouts) == 1
    assert fast_layout(points, 4).tobytes() not in layouts


@pytest.mark.parametrize("samples", [4, 5, 15, 16, 17, 40])
def test_few_samples(samples):
    layout = fast_layout(np.random.default_rng(0).normal(size=(samples, 3)), 0)
    assert layout.shape == (samples, 2)
    assert np.isfinite(layout).all()
    assert len(np.unique(layout, axis=0)) == samples


def test_below_four_samples_there_is_no_layout():
    with pytest.raises(ValueError, match="needs 4 samples"):
        fast_layout(np.zeros((3, 2)), 0)


def test_copies_are_laid_out_apart_but_near():
    points = np.random.default_rng(2).normal(size=(200, 6))
    points[100:] = points[:100]
    layout = fast_layout(points, 0)
    assert np.isfinite(layout).all()
    apart = np.linalg.norm(layout[100:] - layout[:100], axis=1)
    others = np.linalg.norm(layout[100:] - layout[np.roll(np.arange(100), 1)], axis=1)
    assert np.median(apart) < np.median(others) / 4


def test_every_pair_of_blocks_meets_once_and_none_waits_for_another():
    rounds = rounds_of(16)
    met = [pair for pairs in rounds for pair in pairs]
    assert sorted(met) == sorted([*combinations(range(16), 2), *((i, i) for i in range(16))])
    for pairs in rounds:
        blocks = [block for low, high in pairs for block in {low, high}]
        assert len(blocks) == len(set(blocks))


@pytest.mark.together
def test_the_curve_is_that_of_umap_learn():
    from umap.umap_ import find_ab_params

    np.testing.assert_allclose(CURVE, find_ab_params(spread=1.0, min_dist=0.1), rtol=1e-5)


@numba.njit
def powers(bases, exponent):
    out = np.empty_like(bases)
    for i in range(len(bases)):
        out[i] = power(bases[i], exponent)
    return out


@numba.njit
def mixtures(words):
    out = np.empty_like(words)
    for i in range(len(words)):
        out[i] = mixed(words[i])
    return out


def test_powers_are_right_to_a_part_in_thirty_thousand():
    bases = np.geomspace(1e-12, 1e8, 20_001).astype(np.float32)
    exponent = np.float32(CURVE[1])
    expected = bases.astype(np.float64) ** float(exponent)
    np.testing.assert_allclose(powers(bases, exponent), expected, rtol=3.3e-5)


def test_random_words_are_those_of_splitmix64():
    # The first outputs of the published generator for the seed 1234567.
    step, seed = 0x9E3779B97F4A7C15, 1234567
    words = np.array([(seed + step * i) % 2**64 for i in (1, 2, 3)], dtype=np.uint64)
    assert mixtures(words).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]
