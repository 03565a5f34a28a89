"""The layout: for every size, with duplicates, quiet, and the same for a seed."""

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness

from rebalance.clusters import silhouettes, umap_layout

pytestmark = pytest.mark.together


def blobs(samples: int, centres: int, spread: float = 1.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(samples)
    middle = 20 * rng.standard_normal((centres, 10))[np.arange(samples) % centres]
    return (middle + spread * rng.standard_normal((samples, 10))).astype(np.float32)


@pytest.mark.parametrize("samples", range(4, 21))
def test_works_from_four_samples_up(samples: int) -> None:
    points = umap_layout(blobs(samples, 2), seed=1)
    assert points.shape == (samples, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == samples


@pytest.mark.parametrize("samples", range(4))
def test_fewer_are_refused(samples: int) -> None:
    with pytest.raises(ValueError, match="needs 4 samples"):
        umap_layout(np.zeros((samples, 2), np.float32), seed=1)


@pytest.mark.parametrize(
    "components",
    [
        pytest.param(blobs(100, 2, spread=0.0), id="two spots"),
        pytest.param(blobs(100, 5, spread=0.0), id="five spots"),
        pytest.param(np.eye(100, dtype=np.float32)[:, [0]], id="one sample apart"),
        pytest.param(np.eye(100, dtype=np.float32), id="all as far from each other"),
        pytest.param(np.repeat(blobs(50, 1), 2, axis=0), id="pairs"),
        pytest.param(np.arange(60, dtype=np.float32)[:, None], id="a line"),
    ],
)
def test_symmetric_data_is_laid_out_the_same_each_time(components: NDArray[np.float32]) -> None:
    before = components.copy()
    points = umap_layout(components, seed=3)
    assert np.isfinite(points).all()
    np.testing.assert_array_equal(points, umap_layout(components, seed=3))
    np.testing.assert_array_equal(components, before)


def test_another_seed_lays_out_differently() -> None:
    components = blobs(60, 3)
    assert not np.array_equal(umap_layout(components, 1), umap_layout(components, 2))


def test_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        umap_layout(blobs(90, 9), seed=1)


def test_groups_come_apart_and_neighbours_stay_together() -> None:
    components = blobs(300, 5)
    points = umap_layout(components, seed=1)
    assert silhouettes(points, [np.arange(300) % 5])[0] > 0.8
    assert trustworthiness(components, points, n_neighbors=15) > 0.9
