"""Principal components against scikit-learn, in each of the three ways they are computed."""

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from rebalance.errors import FeatureError
from rebalance.numerics import eigenvectors, pca, products
from rebalance.numerics import standardisation as standard
from rebalance.numerics.pca import InMemory, principal_components

WAYS = ("smaller side", "smaller side, iterated", "passes")
SHAPES = ((60, 400), (400, 60), (300, 300))

Floats = NDArray[np.floating[Any]]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way of computing, in blocks too small to hold the data."""
    monkeypatch.setattr(standard, "BLOCK_VALUES", 5000)
    monkeypatch.setattr(eigenvectors, "SPARE", 5)
    if request.param == "smaller side, iterated":
        monkeypatch.setattr(eigenvectors, "DENSE_SIDE", 50)
    if request.param == "passes":
        monkeypatch.setattr(pca, "MAX_SIDE", 0)
    return str(request.param)


def factor_data(samples: int, columns: int, dtype: type = np.float32) -> Floats:
    """A few factors of falling strength, so that each component stands alone, and noise."""
    rng = np.random.default_rng(samples)
    strengths = 2.0 ** -np.arange(8)
    factors = rng.standard_normal((samples, 8)) * strengths
    values = factors @ rng.standard_normal((8, columns))
    values += 0.02 * rng.standard_normal(values.shape)
    return (values * rng.uniform(0.1, 10, columns) + rng.uniform(-5, 5, columns)).astype(dtype)


def reference(values: Floats, count: int) -> NDArray[np.float64]:
    standard = StandardScaler().fit_transform(values.astype(np.float64))
    return np.asarray(PCA(count, svd_solver="full").fit_transform(standard))


def up_to_sign(scores: Floats, like: Floats) -> Floats:
    return scores * np.where((scores * like).sum(axis=0) < 0, -1, 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equals_scikit_learn(shape: tuple[int, int], dtype: type, way: str) -> None:
    values = factor_data(*shape, dtype)
    before = values.copy()
    scores = principal_components(InMemory(values), 8)
    expected = reference(values, 8)
    assert scores.dtype == np.float32
    assert scores.shape == expected.shape
    np.testing.assert_allclose(
        up_to_sign(scores, expected), expected, atol=1e-5 * np.abs(expected).max()
    )
    np.testing.assert_array_equal(values, before)


def test_offsets_far_larger_than_the_spread_lose_nothing(way: str) -> None:
    values = factor_data(200, 100, np.float64) + 1e6
    expected = reference(values, 4)
    scores = principal_components(InMemory(values), 4)
    np.testing.assert_allclose(
        up_to_sign(scores, expected), expected, atol=1e-5 * np.abs(expected).max()
    )


@settings(max_examples=60, deadline=None)
@given(
    values=arrays(
        np.float16,
        st.tuples(st.integers(1, 12), st.integers(1, 12)),
        elements=st.floats(-100, 100, width=16, allow_subnormal=False),
    ),
    max_side=st.sampled_from([0, pca.MAX_SIDE]),
)
def test_all_components_keep_every_inner_product(
    values: NDArray[np.float16], max_side: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pca, "MAX_SIDE", max_side)
        scores = principal_components(InMemory(values)).astype(np.float64)
    spread = np.ptp(values.astype(np.float64), axis=0)
    rounding = spread <= np.finfo(np.float16).eps * np.abs(values.astype(np.float64)).max(axis=0)
    standard = StandardScaler().fit_transform(np.where(rounding, 0, values).astype(np.float64))
    assert scores.shape == (len(values), min(values.shape))
    np.testing.assert_allclose(scores @ scores.T, standard @ standard.T, atol=2e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 1), (2, 5), (3, 2), (3, 100), (50, 1)])
def test_smallest_matrices(shape: tuple[int, int], way: str) -> None:
    values = np.random.default_rng(2).standard_normal(shape)
    scores = principal_components(InMemory(values))
    standard = StandardScaler().fit_transform(values)
    assert scores.shape == (shape[0], min(shape))
    np.testing.assert_allclose(scores @ scores.T, standard @ standard.T, atol=1e-3)


def test_constant_columns_become_zero_even_when_they_round(way: str) -> None:
    values = factor_data(40, 30)
    constant = np.full((40, 3), [0.1, 0.0, 1e4], np.float32)
    last_place = np.where(np.arange(40) % 3, np.float32(0.1), np.nextafter(np.float32(0.1), 1))
    padded = np.hstack((constant, values, last_place[:, None].astype(np.float32)))
    scores = principal_components(InMemory(padded), 6)
    expected = principal_components(InMemory(values), 6)
    np.testing.assert_allclose(scores, expected, atol=1e-3)


def test_a_column_that_is_nearly_constant_counts_like_any_other() -> None:
    values = np.full((20, 1), 1.0, np.float32)
    values[7] = 1.00001
    scores = principal_components(InMemory(values))
    assert scores[7, 0] == pytest.approx(np.sqrt(19), rel=1e-4)


@pytest.mark.parametrize("kind", ["begins elsewhere", "drifts", "hides", "tiny", "huge"])
def test_rows_unlike_those_the_scale_is_guessed_from_lose_nothing(kind: str) -> None:
    values = factor_data(1500, 40, np.float64)
    if kind == "begins elsewhere":
        values[::2, :9] = 3.0  # what is guessed from is constant here, and the rest far away
        values[1::2, :9] += 1e6
    if kind == "drifts":
        values += np.linspace(0, 20, 1500)[:, None]
    if kind == "hides":
        values[:, 4], values[7, 4] = 0.1, 1e30  # one sample of a column that is else constant
    if kind == "tiny":
        values *= 1e-60
    if kind == "huge":
        values *= 1e60
    expected = reference(values, 6)
    scores = principal_components(InMemory(values), 6)
    np.testing.assert_allclose(
        up_to_sign(scores, expected), expected, atol=2e-5 * np.abs(expected).max()
    )


def test_every_number_of_threads_gives_the_same_bytes(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = factor_data(300, 200)
    found = []
    for workers in (1, 2, 5):
        monkeypatch.setattr(products, "_workers", lambda workers=workers: workers)
        found.append(principal_components(InMemory(values), 20).tobytes())
    assert found[0] == found[1] == found[2]


def test_identical_samples_are_all_zero(way: str) -> None:
    values = np.tile(np.random.default_rng(0).random(70).astype(np.float16), (60, 1))
    scores = principal_components(InMemory(values))
    assert scores.shape == (60, 50)
    assert not scores.any()


def test_components_beyond_the_rank_are_zero(way: str) -> None:
    distinct = np.random.default_rng(0).standard_normal((3, 80))
    scores = principal_components(InMemory(distinct[np.arange(90) % 3]), 10)
    assert scores[:, :2].any(axis=0).all()
    assert not scores[:, 2:].any()
    np.testing.assert_allclose(scores[:3], scores[3:6], atol=1e-4)


def test_the_farthest_sample_is_on_the_positive_side(way: str) -> None:
    scores = principal_components(InMemory(factor_data(70, 90)), 8)
    assert (scores[np.abs(scores).argmax(axis=0), np.arange(8)] > 0).all()


def test_same_matrix_same_array(way: str) -> None:
    matrix = InMemory(factor_data(120, 110, np.float16))
    np.testing.assert_array_equal(principal_components(matrix), principal_components(matrix))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad: float, way: str) -> None:
    values = factor_data(70, 80, np.float16)
    values[3, 5] = bad
    values[4, 5] = -bad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FeatureError, match="must be finite"):
            principal_components(InMemory(values))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_nothing_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(FeatureError, match="at least one sample and one column"):
        principal_components(InMemory(np.zeros(shape)))


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((3, 3), int)])
def test_only_tables_of_floats_are_a_matrix(values: NDArray[Any]) -> None:
    with pytest.raises(FeatureError, match="floating-point"):
        InMemory(values)


class Repeated:
    """A matrix wider than memory should hold: the same columns over and over."""

    def __init__(self, values: Floats, times: int) -> None:
        self.values = values
        self.shape = (values.shape[0], values.shape[1] * times)

    def read(self, rows: slice, columns: slice) -> Floats:
        numbers = np.arange(self.shape[1])[columns] % self.values.shape[1]
        return self.values[rows][:, numbers]


def test_wide_features_stay_within_memory() -> None:
    narrow = factor_data(600, 1024, np.float16)
    matrix = Repeated(narrow, 98)
    assert matrix.shape == (600, 100352)
    scores, peak = traced(matrix)
    assert peak < 160e6  # as float32 the matrix alone would be 241 MB
    assert_components_of_repeated(scores, narrow, 98)


def test_passes_stay_within_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pca, "MAX_SIDE", 500)
    monkeypatch.setattr(standard, "BLOCK_VALUES", 1 << 18)
    monkeypatch.setattr(eigenvectors, "SPARE", 8)
    narrow = factor_data(1000, 1024, np.float16)
    scores, peak = traced(Repeated(narrow, 25))
    assert peak < 80e6  # as float32 the matrix alone would be 102 MB
    assert_components_of_repeated(scores, narrow, 25)


def traced(matrix: Repeated) -> tuple[NDArray[np.float32], int]:
    tracemalloc.start()
    scores = principal_components(matrix, 8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return scores, peak


def assert_components_of_repeated(scores: Floats, narrow: Floats, times: int) -> None:
    expected = reference(narrow, 8) * np.sqrt(times)
    np.testing.assert_allclose(
        up_to_sign(scores, expected), expected, atol=1e-5 * np.abs(expected).max()
    )
