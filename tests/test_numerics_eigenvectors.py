"""The block Krylov iteration against LAPACK."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.numerics import eigenvectors
from rebalance.numerics.eigenvectors import leading_eigenvectors, rough_axes
from rebalance.numerics.products import threads


def positive_matrix(n: int, rank: int, falling: float) -> NDArray[np.float64]:
    factors = np.random.default_rng(1).standard_normal((n, rank))
    scaled = np.linalg.qr(factors)[0] * falling ** np.arange(rank)
    return scaled @ scaled.T


def start(n: int, width: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).standard_normal((n, width))


@pytest.mark.parametrize("falling", [0.99, 0.8], ids=["flat", "steep"])
@pytest.mark.parametrize("depth", [2, 3, 5])
def test_equals_lapack(falling: float, depth: int) -> None:
    matrix = positive_matrix(200, 200, falling)
    values, vectors = leading_eigenvectors(
        matrix.__matmul__, start(200, 20), 10, depth=depth, tolerance=1e-10
    )
    expected = np.linalg.eigvalsh(matrix)[::-1][:10]
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(10), atol=1e-12)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-9)


@pytest.mark.parametrize("rank", [1, 3, 20, 21])
def test_where_the_space_is_exhausted_the_basis_stays_orthonormal(rank: int) -> None:
    matrix = positive_matrix(80, rank, 0.9)
    values, vectors = leading_eigenvectors(matrix.__matmul__, start(80, 20), 10, depth=4)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1][:10], atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(10), atol=1e-12)


def test_all_directions_need_one_product() -> None:
    matrix = positive_matrix(30, 30, 0.9)
    products = 0

    def multiply(block: NDArray[Any]) -> NDArray[Any]:
        nonlocal products
        products += 1
        return matrix @ block

    values, _ = leading_eigenvectors(multiply, start(30, 30), 30, depth=1)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1], atol=1e-12)
    assert products == 1


def test_zero_matrix_has_zero_values() -> None:
    values, _ = leading_eigenvectors(np.zeros((50, 50)).__matmul__, start(50, 10), 5)
    assert not values.any()


def test_what_never_converges_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eigenvectors, "MAX_CYCLES", 2)
    matrix = positive_matrix(200, 200, 0.999)
    with pytest.raises(FeatureError, match="did not converge in 2 cycles"):
        leading_eigenvectors(matrix.__matmul__, start(200, 4), 3, depth=2, tolerance=1e-12)


@pytest.mark.parametrize(("samples", "columns"), [(300, 60), (60, 300), (40, 40)])
def test_rough_axes_catch_nearly_all_that_can_be_caught(samples: int, columns: int) -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(samples, columns)) * 0.95 ** np.arange(columns)
    axes = rough_axes(rows.astype(np.float32), 10)
    np.testing.assert_allclose(axes.T @ axes, np.eye(10), atol=1e-5)
    most = np.square(np.linalg.svd(rows)[1][:10]).sum()
    assert 0.999 * most < np.square(rows @ axes).sum() < 1.00001 * most


@pytest.mark.parametrize("side", [40, 90])
def test_a_matrix_is_decomposed_alike_in_both_ways(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = positive_matrix(side, side, 0.9)
    with threads() as team:
        dense = eigenvectors.eigenvectors_of(matrix, 8, team)
        monkeypatch.setattr(eigenvectors, "DENSE_SIDE", 1)
        iterated = eigenvectors.eigenvectors_of(matrix, 8, team)
    np.testing.assert_allclose(iterated[0], dense[0], atol=1e-7)
    signs = np.sign((iterated[1] * dense[1]).sum(axis=0))
    np.testing.assert_allclose(iterated[1] * signs, dense[1], atol=1e-4)
