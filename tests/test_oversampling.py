"""One contract for every oversampler: totals, classes, streams, notes, errors."""

import logging
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rebalance.errors import FeatureError, SettingError
from rebalance.oversampling import OVERSAMPLERS, Added

RNG = np.random.default_rng
Table = tuple[NDArray[Any], NDArray[np.int64]]

# Those that make samples of samples; tests/test_generated.py has the one that is given images.
MAKING = [name for name, method in OVERSAMPLERS.items() if not method.given]
BY_NEIGHBOURS = sorted(name for name in MAKING if OVERSAMPLERS[name].neighbours)
IMAGES = {"remix", "cmo", "augment"}
SHARING = {name for name, method in OVERSAMPLERS.items() if method.shares}
BY_FEATURES = sorted(name for name in MAKING if OVERSAMPLERS[name].needs_features)


def slow_nearest(
    features: NDArray[Any], count: int, queries: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every distance, one query after the other; a row is never its own neighbour."""
    rows = features.astype(np.float64)
    indices, distances = [], []
    for query in range(len(rows)) if queries is None else queries.tolist():
        between = [math.dist(rows[query], row) for row in rows]
        others = sorted((between[i], i) for i in range(len(rows)) if i != query)[:count]
        assert len(others) == count >= 1
        indices.append([i for _, i in others])
        distances.append([distance for distance, _ in others])
    return np.array(indices, np.int64), np.array(distances)


def blobs(sizes: list[int], spread: float = 1.2, columns: int = 3) -> Table:
    """Classes that overlap, in random order."""
    rng = RNG(len(sizes))
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = labels[:, None] + spread * rng.standard_normal((len(labels), columns))
    return features.astype(np.float32), labels


def halves(labels: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Two or three clusters of each class, whatever its features."""
    return {int(label): np.arange((labels == label).sum()) % 3 for label in np.unique(labels)}


def oversample(name: str, table: Table, wanted: Mapping[int, int], **options: Any) -> Added:
    features, labels = table
    options = {"nearest": slow_nearest, "subclasses": halves(labels), **options}
    return OVERSAMPLERS[name](features, labels, wanted, options.pop("rng", RNG(3)), **options)


CASES: dict[str, tuple[Table, dict[int, int]]] = {
    "two classes": (blobs([60, 20]), {1: 40}),
    "odd numbers, the largest too": (blobs([50, 15, 27]), {2: 23, 0: 1, 1: 37}),
    "one class alone of four": (blobs([20, 8, 30, 12]), {3: 17}),
    "a class of two": (blobs([20, 2]), {1: 19}),
    "fewer samples than neighbours": (blobs([3, 2]), {0: 5, 1: 7}),
    "one class only": (blobs([6]), {0: 4}),
    "far apart": (blobs([20, 7], spread=0.01), {1: 14}),
    "all the same": ((np.ones((12, 2)), np.array([0, 1, 2] * 4)), {0: 3, 2: 11}),
    "nothing wanted": (blobs([5, 1]), {1: 0}),
    "no class at all": (blobs([5, 4]), {}),
}


def test_the_methods() -> None:
    assert list(OVERSAMPLERS) == [
        "ros",
        "smote",
        "borderline-1",
        "borderline-2",
        "adasyn",
        "safe-level",
        "balanced-svm",
        "eos",
        "cluster",
        "mixup",
        "skew-mix",
        "remix",
        "cmo",
        "augment",
        "generated",
    ]
    assert set(OVERSAMPLERS) - set(MAKING) == {"generated"}
    across = {name for name, method in OVERSAMPLERS.items() if method.across}
    assert across == {"mixup", "skew-mix"} == SHARING - IMAGES
    assert all(method.name == name for name, method in OVERSAMPLERS.items())
    assert set(MAKING) - set(BY_FEATURES) == {"ros", *across, *IMAGES}
    assert set(MAKING) - set(BY_NEIGHBOURS) == {"ros", "cluster", *across, *IMAGES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("name", MAKING)
def test_every_oversampler_keeps_its_contract(
    name: str, case: tuple[Table, dict[int, int]]
) -> None:
    table, wanted = case
    features, labels = table
    before = features.copy(), labels.copy(), dict(wanted)
    added = oversample(name, table, wanted)
    again = oversample(name, table, wanted)
    assert (added.base.dtype, added.partner.dtype) == (np.int64, np.int64)
    assert added.weight.dtype == np.float64
    assert added.base.shape == added.partner.shape == added.weight.shape == (sum(wanted.values()),)
    expected = [label for label in sorted(wanted) for _ in range(wanted[label])]
    assert labels[added.base].tolist() == expected
    assert ((added.partner >= 0) & (added.partner < len(labels))).all()
    assert ((added.weight >= 0) & (added.weight < 1)).all()
    if OVERSAMPLERS[name].neighbours and len(np.unique(features, axis=0)) > 1:
        assert (features[added.partner] != features[added.base]).any(axis=1).all()
    elif name not in SHARING:
        assert added.share is None
        np.testing.assert_array_equal(added.partner, added.base)
        assert not added.weight.any()
    assert set(added.notes) <= {label for label, count in wanted.items() if count}
    for field in ("base", "partner", "weight", "share"):
        np.testing.assert_array_equal(getattr(added, field), getattr(again, field))
    assert added.operation == again.operation
    if name == "balanced-svm" and added.made_as is not None:
        np.testing.assert_array_equal(added.made_as, again.made_as)
        assert set(added.made_as.tolist()) <= set(labels.tolist())
        assert (added.made_as != labels[added.base]).any() and added.notes
    else:
        assert added.made_as is None
    assert len(added.operation or added.base) == len(added.base)
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(labels, before[1])
    assert wanted == before[2]


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_totals_are_exact_for_any_classes_and_numbers(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(MAKING)))
    labels = np.array(data.draw(st.permutations([0] * 9 + [1] * 4 + [2] * 2)))
    # Few distinct values, so that ties and exact duplicates are common.
    values = data.draw(st.lists(st.integers(0, 3), min_size=30, max_size=30))
    wanted = data.draw(st.dictionaries(st.integers(0, 2), st.integers(0, 21)))
    added = oversample(name, (np.array(values, float).reshape(15, 2), labels), wanted)
    counts = np.bincount(labels[added.base], minlength=3)
    assert counts.tolist() == [wanted.get(label, 0) for label in range(3)]


@pytest.mark.parametrize("name", MAKING)
def test_adding_a_class_changes_no_other_draw(name: str) -> None:
    table = blobs([40, 12, 9])
    alone = oversample(name, table, {2: 25})
    both = oversample(name, table, {0: 6, 1: 13, 2: 25})
    for field in ("base", "partner", "weight"):
        np.testing.assert_array_equal(getattr(both, field)[19:], getattr(alone, field))


@pytest.mark.parametrize("name", MAKING)
def test_named_classes_keep_their_stream_when_their_number_changes(name: str) -> None:
    features, labels = blobs([40, 12])
    one = oversample(name, (features, labels), {1: 25}, names=["b", "c"])
    other = oversample(name, (features, labels + 1), {2: 25}, names=["a", "b", "c"])
    for field in ("base", "partner", "weight"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


@pytest.mark.parametrize("name", MAKING)
def test_another_seed_gives_another_draw(name: str) -> None:
    table = blobs([40, 12])
    draws = [oversample(name, table, {1: 30}, rng=RNG(seed)).base.tolist() for seed in range(2)]
    if name == "adasyn":  # its bases follow from the data
        assert draws[0] == draws[1]
    else:
        assert draws[0] != draws[1]


def test_methods_draw_different_numbers() -> None:
    table = blobs([40, 12])
    assert oversample("ros", table, {1: 30}).base.tolist() != (
        oversample("smote", table, {1: 30}).base.tolist()
    )


@pytest.mark.parametrize("name", MAKING)
def test_classes_draw_different_numbers(name: str) -> None:
    features, labels = blobs([20])
    twice = np.concatenate([features, features + 100]), np.concatenate([labels, labels + 1])
    added = oversample(name, twice, {0: 30, 1: 30})
    first, second = added.base[:30], added.base[30:] - 20
    partners = added.partner[:30], added.partner[30:] - 20
    assert (first != second).any() or (partners[0] != partners[1]).any()


@pytest.mark.parametrize("name", MAKING)
def test_a_negative_number_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="class 1: -2 samples cannot be added"):
        oversample(name, blobs([5, 4]), {1: -2})


@pytest.mark.parametrize("name", BY_NEIGHBOURS)
@pytest.mark.parametrize("size", [0, 1])
def test_a_class_too_small_for_neighbours_is_named(name: str, size: int) -> None:
    labels = np.array([0] * 9 + [1] * size + [2] * 5)
    features = RNG(0).standard_normal((len(labels), 2))
    with pytest.raises(
        FeatureError, match=f"needs at least 2 to start from, found {size}"
    ) as error:
        oversample(name, (features, labels), {1: 3, 2: 4})
    assert error.value.label == 1
    assert str(error.value.named(["a", "b", "c"])).startswith(f"class 'b': {name} needs")


@pytest.mark.parametrize("name", ["ros", "cluster"])
def test_what_repeats_can_start_from_one_sample_but_not_from_none(name: str) -> None:
    table = blobs([5, 1])
    added = oversample(name, table, {1: 3})
    assert added.base.tolist() == np.flatnonzero(table[1] == 1).tolist() * 3
    with pytest.raises(FeatureError, match="needs at least 1 to start from, found 0") as error:
        oversample(name, table, {2: 3})
    assert error.value.label == 2


@pytest.mark.parametrize("name", sorted(set(BY_FEATURES) - {"cluster"}))
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(name: str, bad: float) -> None:
    features, labels = blobs([30, 8])
    features[np.flatnonzero(labels == 1)[4], 1] = bad
    with pytest.raises(FeatureError, match="NaN or infinite") as error:
        oversample(name, (features, labels), {1: 3})
    assert error.value.label == 1


def test_clusters_are_not_sought_among_features_that_are_not_finite() -> None:
    features, labels = blobs([30, 8])
    features[np.flatnonzero(labels == 0)[4], 1] = np.nan
    with pytest.raises(FeatureError, match="NaN or infinite") as error:
        oversample("cluster", (features, labels), {0: 3}, subclasses=None)
    assert error.value.label == 0


def test_a_bad_value_far_down_the_table_is_found() -> None:
    features = np.zeros((9, 1 << 19), np.float32)
    features[8, 7] = np.nan
    with pytest.raises(FeatureError, match="NaN or infinite") as error:
        oversample("smote", (features, np.array([0] * 8 + [5])), {0: 3})
    assert error.value.label == 5


@pytest.mark.parametrize("name", sorted(set(BY_FEATURES) - {"cluster"}))
@pytest.mark.parametrize(
    "features", [None, np.zeros((3, 2)), np.zeros(38)], ids=["none", "too few", "flat"]
)
def test_missing_features_are_refused(name: str, features: NDArray[Any] | None) -> None:
    _, labels = blobs([30, 8])
    with pytest.raises(FeatureError, match="features of 38 samples are needed"):
        OVERSAMPLERS[name](features, labels, {1: 3}, RNG(0), nearest=slow_nearest)


@pytest.mark.parametrize("features", [None, np.full((38, 2), np.nan)], ids=["none", "NaN"])
def test_ros_and_given_clusters_need_no_features(features: NDArray[Any] | None) -> None:
    _, labels = blobs([30, 8])
    for name, options in {"ros": {}, "cluster": {"subclasses": halves(labels)}}.items():
        added = OVERSAMPLERS[name](features, labels, {1: 22}, RNG(0), **options)
        assert labels[added.base].tolist() == [1] * 22


@pytest.mark.parametrize("option", ["neighbours", "danger_neighbours"])
@pytest.mark.parametrize("value", [0, -3, 2.5, "5"])
def test_numbers_of_neighbours_that_cannot_be_are_refused(option: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"^{option} must be a whole number from 1 up"):
        oversample("smote", blobs([9, 5]), {1: 3}, **{option: value})


@pytest.mark.parametrize("value", [0, -0.5, 1.5, math.nan, "1", True])
def test_a_reach_that_cannot_be_is_refused(value: object) -> None:
    with pytest.raises(SettingError, match=r"^reach must be a number above 0"):
        oversample("eos", blobs([9, 5]), {1: 3}, reach=value)


@pytest.mark.parametrize("name", ["ros", "cluster"])
def test_neighbours_are_refused_where_they_have_no_use(name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} looks at no neighbours, but 5 were asked for"):
        oversample(name, blobs([9, 5]), {1: 3}, neighbours=5)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="neighbors"):
        oversample("smote", blobs([9, 5]), {1: 3}, neighbors=5)


def test_notes_are_in_the_result_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    table = blobs([20, 7], spread=0.01)
    with caplog.at_level(logging.WARNING, "rebalance"):
        added = oversample("borderline-1", table, {0: 2, 1: 5}, names=["cat", "dog"])
    assert set(added.notes) == {0, 1}
    assert "no sample is in danger" in added.notes[1]
    told = [record.getMessage() for record in caplog.records if record.name == "rebalance"]
    assert told == [f"class 'cat': {added.notes[0]}", f"class 'dog': {added.notes[1]}"]


@pytest.mark.parametrize("name", BY_NEIGHBOURS)
def test_the_search_is_exact_unless_another_is_given(name: str) -> None:
    features, labels = blobs([40, 12, 9])
    given = oversample(name, (features, labels), {1: 28, 2: 31})
    added = OVERSAMPLERS[name](features, labels, {1: 28, 2: 31}, RNG(3))
    for field in ("base", "partner", "weight"):
        np.testing.assert_array_equal(getattr(added, field), getattr(given, field))
