"""Criteria against scikit-learn and slow loops, and all of them where the truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import calinski_harabasz_score, silhouette_score

from rebalance.clusters import CRITERIA
from rebalance.clusters import criteria as module
from rebalance.clusters.k_means import clusterings


def labelings_of(points, k_max=6):
    return {k: fit[0] for k, fit in clusterings(points, k_max, seed=0).items()}


@pytest.fixture(scope="module")
def blobs():
    centres = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    points = make_blobs([40, 30, 50, 25], centers=centres, random_state=0)[0]
    return points, labelings_of(points)


@st.composite
def labelled(draw):
    samples, columns = draw(st.integers(5, 30)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    far = draw(st.sampled_from([0.0, 1e4]))
    points = rng.standard_normal((samples, columns)) + far
    return points, {k: rng.permutation(np.arange(samples) % k) for k in range(2, 5)}


@settings(max_examples=60, deadline=None)
@given(labelled())
def test_silhouette_and_calinski_harabasz_are_scikit_learns(data):
    points, labelings = data
    for name, expected in [
        ("silhouette", silhouette_score),
        ("calinski-harabasz", calinski_harabasz_score),
    ]:
        verdict = CRITERIA[name](points, labelings, 0)
        assert list(verdict.values) == list(labelings)
        for k, labels in labelings.items():
            assert verdict.values[k] == pytest.approx(expected(points, labels), rel=1e-5, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(labelled())
def test_davies_bouldin_is_a_slow_loop_negated(data):
    points, labelings = data
    verdict = CRITERIA["davies-bouldin"](points, labelings, 0)
    for k, labels in labelings.items():
        groups = [points[labels == cluster] for cluster in range(k)]
        means = [group.mean(axis=0) for group in groups]
        spread = [
            np.mean(np.linalg.norm(group - mean, axis=1))
            for group, mean in zip(groups, means, strict=True)
        ]
        worst = [
            max(
                (spread[i] + spread[j]) / np.linalg.norm(means[i] - means[j])
                for j in range(k)
                if j != i
            )
            for i in range(k)
        ]
        assert verdict.values[k] == pytest.approx(-np.mean(worst), rel=1e-6)


def gaps_by_pairs(points, labelings, references, rng):
    """The paper's formulas: W from all pairs, references turned into the principal axes and back.

    The gap and s by k, of random numbers of its own.
    """

    def scatter(x, labels):
        total = 0.0
        for cluster in np.unique(labels):
            own = x[labels == cluster]
            total += ((own[:, None] - own) ** 2).sum() / (2 * len(own))
        return total

    mean = points.mean(axis=0)
    axes = np.linalg.svd(points - mean)[2]
    turned = (points - mean) @ axes.T
    found = {}
    for k, labels in {1: np.zeros(len(points)), **labelings}.items():
        logs = []
        for _ in range(references):
            drawn = rng.uniform(turned.min(axis=0), turned.max(axis=0), points.shape) @ axes + mean
            model = KMeans(k, n_init=10, random_state=int(rng.integers(2**31))).fit(drawn)
            logs.append(np.log(scatter(drawn, model.labels_)))
        error = np.std(logs) * np.sqrt(1 + 1 / references)
        found[k] = np.mean(logs) - np.log(scatter(points, labels)), error
    return found


def test_gap_is_that_of_the_paper(blobs):
    points, labelings = blobs
    expected = gaps_by_pairs(points, labelings, 20, np.random.default_rng(1))
    verdict = CRITERIA["gap"](points, labelings, 0)
    assert list(verdict.values) == [1, *labelings]
    for k, (value, error) in expected.items():
        assert verdict.values[k] == pytest.approx(value, abs=1.5 * error)


def test_gap_of_more_points_than_a_reference_has():
    points = make_blobs([1000, 600, 800], random_state=3)[0]
    labelings = labelings_of(points, 4)
    expected = gaps_by_pairs(points, labelings, 5, np.random.default_rng(1))
    verdict = CRITERIA["gap"](points, labelings, 0)
    assert verdict.k == 3
    for k, (value, _) in expected.items():
        assert verdict.values[k] == pytest.approx(value, abs=0.04)


@pytest.mark.parametrize(
    ("gaps", "spread", "chosen"),
    [
        ([0.0, 1.0, 0.5], 0.1, 2),
        ([0.0, 0.05, 1.0], 0.1, 1),
        ([0.0, 0.5, 1.0], 0.1, 3),
        ([0.9, 1.0, 1.5], 0.0, 3),
    ],
)
def test_gap_takes_the_first_k_within_an_error_of_the_next(monkeypatch, gaps, spread, chosen):
    points = np.arange(8.0)[:, None]
    labelings = {2: np.arange(8) // 4, 3: np.arange(8) // 3}
    own = [module._scatter(points, each) / 8 for each in (np.zeros(8, int), *labelings.values())]
    logs = np.log(own) + np.array(gaps) + spread * np.array([[1.0], [-1.0]])
    monkeypatch.setattr(module, "_reference_scatter", lambda *_: np.exp(logs))
    verdict = CRITERIA["gap"](points, labelings, 0)
    assert list(verdict.values.values()) == pytest.approx(gaps)
    assert verdict.k == chosen


@pytest.mark.parametrize("shape", [(1, 1), (30, 1)])
def test_gap_finds_no_groups_in_points_spread_evenly(shape):
    points = np.random.default_rng(0).uniform(size=(300, 2)) * shape
    turned = points @ np.array([[0.8, -0.6], [0.6, 0.8]])
    assert CRITERIA["gap"](turned, labelings_of(turned), 0).k == 1


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_finds_four_groups_far_apart(name, blobs):
    points, labelings = blobs
    before = points.copy(), {k: labels.copy() for k, labels in labelings.items()}
    verdict = CRITERIA[name](points, labelings, 1)
    assert verdict.k == 4
    assert set(labelings) <= set(verdict.values) <= {1, *labelings}
    assert CRITERIA[name](points, labelings, 1) == verdict
    np.testing.assert_array_equal(points, before[0])
    for k, labels in before[1].items():
        np.testing.assert_array_equal(labelings[k], labels)


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_takes_single_precision_far_from_the_origin(name, blobs):
    points = (blobs[0] + 1000).astype(np.float32)
    assert CRITERIA[name](points, labelings_of(points), 1).k == 4


# Two clusters of three spots are as stable as three: there the tie goes to the smaller k.
@pytest.mark.parametrize("name", [name for name in CRITERIA if name != "stability"])
def test_three_spots_are_three_clusters(name):
    points = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 2.0]])[np.arange(30) % 3]
    labelings = labelings_of(points)
    assert list(labelings) == [2, 3]
    assert CRITERIA[name](points, labelings, 0).k == 3


@pytest.mark.parametrize("name", ["silhouette", "davies-bouldin", "stability"])
def test_a_tie_goes_to_the_smaller_k(name):
    points = np.array([[0.0, 0.0], [9.0, 9.0]])[np.arange(12) % 2]
    labels = np.arange(12) % 2
    verdict = CRITERIA[name](points, {2: labels, 3: labels}, 0)
    assert verdict.values[2] == verdict.values[3]
    assert verdict.k == 2


def test_stability_scores_each_k_as_a_clustering_of_its_own(blobs):
    points, labelings = blobs
    values = CRITERIA["stability"](points, labelings, 0).values
    assert values[4] == 1.0
    assert max(values.values()) == 1.0
    assert values[6] < 0.99
