"""The fuzzy graph against umap-learn's."""

import numpy as np
import pytest

from rebalance.clusters.layouts.graph import fuzzy_graph
from rebalance.neighbours import nearest


def umap_graph(points, found):
    from umap.umap_ import fuzzy_simplicial_set

    own = np.arange(len(points))[:, None]
    graph, _, _ = fuzzy_simplicial_set(
        points,
        found.indices.shape[1] + 1,
        np.random.RandomState(0),
        "euclidean",
        knn_indices=np.hstack([own, found.indices]),
        knn_dists=np.hstack([np.zeros((len(points), 1)), found.distances]).astype(np.float32),
    )
    return graph.toarray()


@pytest.mark.together
@pytest.mark.parametrize(("samples", "count"), [(200, 14), (40, 5), (16, 14), (4, 3)])
def test_equals_umap_learns(samples, count):
    points = np.random.default_rng(samples).normal(size=(samples, 8)).astype(np.float32)
    found = nearest(points, count)
    np.testing.assert_allclose(fuzzy_graph(found).toarray(), umap_graph(points, found), atol=2e-5)


@pytest.mark.together
def test_coinciding_samples_are_neighbours_for_sure():
    points = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    points[20:24] = points[20]
    points[30:50] = points[30]  # more of them than neighbours: no other distance is known
    found = nearest(points, 14)
    graph = fuzzy_graph(found).toarray()
    np.testing.assert_allclose(graph, umap_graph(points, found), atol=2e-5)
    assert graph[20, 21] == graph[30, 31] == 1


def test_all_samples_on_one_spot():
    graph = fuzzy_graph(nearest(np.zeros((10, 3), np.float32), 5)).toarray()
    assert set(np.unique(graph)) == {0.0, 1.0}


def test_it_is_symmetric_and_without_loops():
    points = np.random.default_rng(1).normal(size=(100, 5))
    graph = fuzzy_graph(nearest(points, 9)).toarray()
    np.testing.assert_array_equal(graph, graph.T)
    assert not graph.diagonal().any()
    assert graph.min() >= 0 and graph.max() <= 1
