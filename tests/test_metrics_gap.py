"""The generalization gap against a slow loop and by hand."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalance.data.folder import ImageFolder
from rebalance.errors import FeatureError, MetricError
from rebalance.metrics import FeatureRanges, generalization_gap
from rebalance.scoring.evaluation import with_gap


def slow_gap(train: Any, train_labels: Any, test: Any, test_labels: Any) -> dict[int, float]:
    """Feature by feature, in Python's numbers."""
    gaps = {}
    for label in sorted({*train_labels} & {*test_labels}):
        gaps[label] = 0.0
        for feature in range(len(train[0])):
            inner = [
                row[feature] for row, of in zip(train, train_labels, strict=True) if of == label
            ]
            outer = [row[feature] for row, of in zip(test, test_labels, strict=True) if of == label]
            gaps[label] += max(0.0, max(outer) - max(inner)) + max(0.0, min(inner) - min(outer))
    return gaps


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4))
def test_equals_a_slow_loop(seed: int, images: int, tested: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=(images, width)), rng.normal(size=(tested, width))
    train_labels, test_labels = rng.integers(0, 4, images), rng.integers(0, 4, tested)
    train_labels[0] = test_labels[0]
    expected = slow_gap(train.tolist(), train_labels.tolist(), test.tolist(), test_labels.tolist())
    per_class, net = generalization_gap(train, train_labels, test, test_labels)
    assert per_class == pytest.approx(expected)
    assert net == pytest.approx(sum(expected.values()) / len(expected))


def test_by_hand() -> None:
    train = [[0, 0], [4, 1], [7, 7], [1, 1]]
    test = [[5, 0.5], [-2, -1], [7, 7], [9, 9]]
    gap = generalization_gap(train, [0, 0, 1, 2], test, [0, 0, 1, 3])
    assert gap == ({0: (5 - 4) + (0 - -2) + 0 + (0 - -1), 1: 0.0}, 2.0)
    assert gap.per_feature(2) == ({0: 2.0, 1: 0.0}, 1.0)
    assert all(type(label) is int for label in gap.per_class)


def test_the_training_images_themselves_have_no_gap() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(30, 5)), np.arange(30) % 3
    subset = rng.permutation(30)[:20]
    gap = generalization_gap(features, labels, features[subset], labels[subset])
    assert gap == ({0: 0.0, 1: 0.0, 2: 0.0}, 0.0)


def test_half_precision_does_not_overflow() -> None:
    train, test = np.full((1, 9), -6e4, np.float16), np.full((1, 9), 6e4, np.float16)
    expected = 9 * (float(test[0, 0]) - float(train[0, 0]))
    assert generalization_gap(train, [0], test, [0]).net == expected


@pytest.mark.parametrize(
    ("train", "train_labels", "test", "test_labels", "message"),
    [
        ([[1.0]], [0], [[1.0]], [1], "none of the 1 of the one side is among the 1"),
        ([[1.0]], [0], [[1.0, 2.0]], [0], "are 1 and 2"),
        ([[np.nan]], [0], [[1.0]], [0], "finite"),
        ([[1.0]], [0], [[np.inf]], [0], "finite"),
        ([1.0], [0], [[1.0]], [0], r"the shape \(1,\)"),
        ([[1.0]], [0], np.zeros((0, 1)), [], r"the shape \(0, 1\)"),
    ],
)
def test_features_that_have_no_gap_are_refused(
    train: Any, train_labels: Any, test: Any, test_labels: Any, message: str
) -> None:
    with pytest.raises(FeatureError, match=message):
        generalization_gap(train, train_labels, test, test_labels)


@pytest.mark.parametrize("labels", [[0, 1], [0.0]])
def test_labels_that_do_not_fit_are_refused(labels: list[Any]) -> None:
    with pytest.raises(MetricError, match="1 integers, one per image"):
        generalization_gap([[1.0]], labels, [[1.0]], [0])


def same(one: FeatureRanges, two: FeatureRanges) -> bool:
    keys = one.by_class.keys() == two.by_class.keys()
    return keys and all(np.array_equal(one.by_class[c], two.by_class[c]) for c in one.by_class)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.lists(st.integers(0, 20), max_size=4))
def test_ranges_of_parts_join_to_those_of_the_whole(
    seed: int, images: int, cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    features, labels = rng.normal(size=(images, 3)), rng.integers(0, 4, images)
    bounds = sorted({0, images, *(cut for cut in cuts if cut < images)})
    joined = FeatureRanges({})
    for start, end in pairwise(bounds):
        part = FeatureRanges.of(features[start:end], labels[start:end])
        kept = {label: values.copy() for label, values in joined.by_class.items()}
        joined, before = joined.joined(part), joined
        assert same(before, FeatureRanges(kept))  # what is joined stays as it was
    whole = FeatureRanges.of(features, labels)
    assert same(joined, whole)
    for label, (low, high) in whole.by_class.items():
        assert (low, high) == (
            pytest.approx(features[labels == label].min(axis=0)),
            pytest.approx(features[labels == label].max(axis=0)),
        )
    assert whole.width == 3 and FeatureRanges({}).width == 0


def test_the_record_of_a_gap_is_that_of_a_slow_loop() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(40, 5)), 2 * rng.normal(size=(30, 5))
    train_labels, test_labels = np.arange(40) % 4, np.arange(30) % 3  # of the last no test image
    expected = slow_gap(train.tolist(), train_labels.tolist(), test.tolist(), test_labels.tolist())
    ranges, metrics = FeatureRanges.of(train, train_labels), {"accuracy": 0.5}
    tested = ImageFolder(Path(), tuple("abcd"), ("",) * 30, tuple(test_labels.tolist()))
    given = np.arange(30) * 7 % 4
    told = with_gap(metrics, ranges, test, tested, given)
    assert told.keys() == {"accuracy", "generalization_gap"} and metrics == {"accuracy": 0.5}
    found = told["generalization_gap"]
    parts = {"true_positives", "false_positives"}
    assert found.keys() == {"net", "net_per_feature", "per_class"} | parts
    assert found["per_class"] == pytest.approx(
        {"a": expected[0], "b": expected[1], "c": expected[2]}
    )
    assert found["net"] == pytest.approx(sum(expected.values()) / 3)
    assert found["net_per_feature"] == pytest.approx(found["net"] / 5)


def test_a_gap_of_classes_that_are_never_on_both_sides_is_null_with_its_reason() -> None:
    tested = ImageFolder(Path(), ("a", "b"), ("",) * 2, (1, 1))
    told = with_gap(
        {}, FeatureRanges.of([[1.0], [2.0]], [0, 0]), [[1.0], [2.0]], tested, np.ones(2)
    )
    assert told["generalization_gap"] is None
    assert "no class has both training and test" in told["undefined"]["generalization_gap"]


def test_right_and_wrong_images_are_measured_beyond_the_class_they_were_given() -> None:
    rng = np.random.default_rng(1)
    train, test = rng.normal(size=(60, 4)), 3 * rng.normal(size=(24, 4))
    train_labels, labels = np.arange(60) % 3, np.arange(24) % 3
    given = labels.copy()
    given[::5] = (labels[::5] + 1) % 3
    tested = ImageFolder(Path(), tuple("abc"), ("",) * 24, tuple(labels.tolist()))
    ranges = FeatureRanges.of(train, train_labels)
    found = with_gap({}, ranges, test, tested, given)["generalization_gap"]
    for name, part in (("true_positives", labels == given), ("false_positives", labels != given)):
        expected = slow_gap(
            train.tolist(), train_labels.tolist(), test[part].tolist(), given[part].tolist()
        )
        told = found[name]
        assert told["per_class"] == pytest.approx(
            {"abc"[label]: gap for label, gap in expected.items()}
        )
        assert told["net"] == pytest.approx(np.mean(list(expected.values())))
        assert told["images"] == {
            "abc"[label]: int(((given == label) & part).sum()) for label in expected
        }
    perfect = with_gap({}, ranges, test, tested, labels)["generalization_gap"]
    assert perfect["false_positives"] is None
    assert perfect["true_positives"]["net"] == pytest.approx(perfect["net"])
