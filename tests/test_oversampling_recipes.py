"""Recipes turned into feature vectors, against a loop over single values."""

import numpy as np
import pytest

from rebalance.errors import FeatureError
from rebalance.oversampling import Added, synthesise


def recipes(base: list[int], partner: list[int], weight: list[float]) -> Added:
    return Added(np.array(base, np.int64), np.array(partner, np.int64), np.array(weight))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_equal_a_loop(dtype: type) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((20, 7)).astype(dtype)
    before = features.copy()
    base, partner = rng.integers(20, size=(2, 50)).tolist()
    weight = rng.random(50).tolist()
    values = synthesise(features, recipes(base, partner, weight))
    expected = np.array(
        [
            [float(b) + w * (float(p) - float(b)) for b, p in zip(*features[[i, j]], strict=True)]
            for i, j, w in zip(base, partner, weight, strict=True)
        ]
    )
    assert values.dtype == dtype
    np.testing.assert_array_equal(values, expected.astype(dtype))
    np.testing.assert_array_equal(features, before)


def test_values_of_many_blocks_equal_those_of_each_alone() -> None:
    features = np.random.default_rng(0).standard_normal((4, 1 << 19), np.float32)
    base, partner, weight = [0, 1, 2, 3, 0], [1, 2, 3, 0, 2], [0.1, 0.25, 0.5, 0.75, 0.9]
    values = synthesise(features, recipes(base, partner, weight))
    for i in range(5):
        alone = synthesise(
            features, recipes(base[i : i + 1], partner[i : i + 1], weight[i : i + 1])
        )
        np.testing.assert_array_equal(values[i], alone[0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weight_nought_is_the_base_to_the_last_bit(dtype: type) -> None:
    features = (np.random.default_rng(0).standard_normal((6, 5)) * 1e4).astype(dtype)
    values = synthesise(features, recipes([0, 3, 3], [0, 3, 5], [0, 0, 0]))
    np.testing.assert_array_equal(values, features[[0, 3, 3]])


def test_no_recipes_no_values() -> None:
    values = synthesise(np.zeros((3, 4), np.float32), recipes([], [], []))
    assert values.shape == (0, 4)
    assert values.dtype == np.float32


@pytest.mark.parametrize("features", [np.zeros((3, 2), int), np.zeros(3)])
def test_features_of_another_kind_are_refused(features: np.ndarray) -> None:
    with pytest.raises(FeatureError, match="floating-point numbers, one row per sample"):
        synthesise(features, recipes([0], [1], [0.5]))
