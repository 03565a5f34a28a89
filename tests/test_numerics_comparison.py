"""The cheap projection: distances as in the exact space, blocks that change nothing, columns."""

import numpy as np
import pytest

from rebalance.errors import FeatureError
from rebalance.features.cache import StoredFeatures
from rebalance.numerics import comparison as module
from rebalance.numerics.comparison import Projection, embed, project

RNG = np.random.default_rng


def features(count: int = 500, columns: int = 120) -> np.ndarray:
    """Rectified mixtures of few directions, as pooled features are."""
    rng = RNG(7)
    hidden = rng.normal(size=(count, 20)) * np.linspace(3, 0.5, 20)
    return np.maximum(hidden @ rng.normal(size=(20, columns)) + 1, 0).astype(np.float16)


def stored(values: np.ndarray) -> StoredFeatures:
    return StoredFeatures([values], np.zeros(len(values), np.intp), np.arange(len(values)))


def gaps(points: np.ndarray) -> np.ndarray:
    pairs = RNG(0).integers(0, len(points), (2, 2000))
    return np.linalg.norm(points[pairs[0]] - points[pairs[1]], axis=1)


def test_distances_are_those_of_the_exact_components() -> None:
    values = features()
    ours, exact = gaps(project(stored(values), RNG(0))), gaps(embed(values))
    apart = exact > 0
    np.testing.assert_allclose(ours[apart], exact[apart], rtol=0.02)
    # All components there are: then nothing is approximate but the rounding.
    few = values[:, :40]
    np.testing.assert_allclose(
        gaps(project(stored(few), RNG(0))), gaps(embed(few)), rtol=1e-3, atol=1e-3
    )


def test_a_sample_gives_nearly_the_same_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    values = features()
    whole = gaps(project(stored(values), RNG(0)))
    monkeypatch.setattr(module, "FITTED", 250)
    part = gaps(project(stored(values), RNG(0)))
    assert not np.array_equal(whole, part)
    assert np.corrcoef(whole, part)[0, 1] > 0.98


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = features()
    whole = project(stored(values), RNG(0))
    monkeypatch.setattr(module, "BLOCK_VALUES", 700)
    np.testing.assert_allclose(project(stored(values), RNG(0)), whole, rtol=1e-4, atol=1e-4)


def test_columns_and_rows_without_anything_count_for_nothing() -> None:
    values = features(60, 30)
    padded = np.concatenate((values, np.full((60, 2), 3, np.float16)), axis=1)
    np.testing.assert_allclose(
        gaps(project(stored(padded), RNG(0))), gaps(project(stored(values), RNG(0))), atol=1e-3
    )
    values[5] = 0
    assert np.isfinite(project(stored(values), RNG(0))).all()
    alike = project(stored(np.ones((9, 4), np.float16)), RNG(0))
    np.testing.assert_array_equal(alike, np.zeros_like(alike))
    assert project(stored(values[:1]), RNG(0)).shape == (1, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite(bad: float) -> None:
    values = features(60, 30)
    seen = Projection.of(values)
    values[3, 4] = bad
    with pytest.raises(FeatureError, match="finite"):
        project(stored(values), RNG(0))
    with pytest.raises(FeatureError, match="finite"):
        seen(values)
