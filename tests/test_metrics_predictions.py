"""What is checked of predictions, and the counts that metrics share."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from rebalance.errors import MetricError
from rebalance.metrics import as_predictions

HALVES = [[0.5, 0.5], [0.5, 0.5]]


def test_confusion_equals_scikit_learn_absent_classes_included() -> None:
    rng = np.random.default_rng(0)
    labels, probabilities = rng.choice([0, 1, 3], 60), rng.random((60, 5))
    predictions = as_predictions(labels, probabilities, "abcde")
    expected = confusion_matrix(labels, probabilities.argmax(axis=1), labels=range(5))
    np.testing.assert_array_equal(predictions.confusion, expected)
    np.testing.assert_array_equal(predictions.support, expected.sum(axis=1))
    assert predictions.present.tolist() == [0, 1, 3]


def test_the_largest_probability_decides_and_a_tie_goes_to_the_lower_index() -> None:
    predictions = as_predictions([0, 1, 2], [[0.2, 0.4, 0.4], [0.5, 0.5, 0], [0, 0, 1]], "abc")
    assert predictions.predicted.tolist() == [1, 0, 2]


def test_a_decision_of_its_own_leaves_the_probabilities() -> None:
    predictions = as_predictions([0, 1], [[0.9, 0.1], [0.8, 0.2]], "ab", predicted=[1, 1])
    assert predictions.confusion.tolist() == [[0, 1], [0, 1]]
    assert predictions.probabilities.tolist() == [[0.9, 0.1], [0.8, 0.2]]


def test_arrays_are_not_modified() -> None:
    labels, probabilities = np.array([0, 1]), np.array([[2.0, 1.0], [1.0, 5.0]])
    predictions = as_predictions(labels, probabilities, "ab")
    assert predictions.distributions.sum(axis=1).tolist() == [1, 1]
    assert (labels.tolist(), probabilities.tolist()) == ([0, 1], [[2, 1], [1, 5]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_lower_precision_is_taken_as_it_is(dtype: Any) -> None:
    values = np.array([[0.1, 0.9], [0.7, 0.3]], dtype)
    predictions = as_predictions(np.array([0, 1], np.int32), values, "ab")
    np.testing.assert_array_equal(predictions.probabilities, values.astype(np.float64))


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([], np.zeros((0, 2)), r"at least one of each, but have the shape \(0, 2\)"),
        ([0, 1], [0.5, 0.5], r"but have the shape \(2,\)"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.5]], r"row 1 is \[nan, 0.5\].*became NaN"),
        ([0, 1], [[np.inf, 0.5], [0.5, 0.5]], "row 0 is"),
        ([0, 1], [[0.5, 0.5], [-0.1, 1.1]], r"row 1 is \[-0.1, 1.1\]"),
        ([0, 1], [[0.5, 0.5], [0, 0]], "not all zero, but row 1"),
        ([0, 1], np.ones((2, 3)), "there are 3 for 2 classes"),
        ([0, 2], HALVES, "from 0 to 1, but label 1 is 2"),
        ([-1, 0], HALVES, "label 0 is -1"),
        ([0], HALVES, r"2 integers, one per image, but are of the shape \(1,\)"),
        ([0.0, 1.0], HALVES, "the type float64"),
        ([[0], [1]], HALVES, r"the shape \(2, 1\)"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    labels: Any, probabilities: Any, message: str
) -> None:
    with pytest.raises(MetricError, match=message) as caught:
        as_predictions(labels, probabilities, ["cat", "dog"])
    assert "\n" not in str(caught.value)


def test_a_long_row_is_shown_in_part() -> None:
    with pytest.raises(MetricError, match=r"row 0 is \[nan, nan, nan, nan, \.\.\.\]"):
        as_predictions([0], np.full((1, 1000), np.nan), [str(label) for label in range(1000)])


@pytest.mark.parametrize("predicted", [[0], [0, 2], [0.0, 1.0]])
def test_decisions_that_cannot_be_are_refused(predicted: list[Any]) -> None:
    with pytest.raises(MetricError, match="label"):
        as_predictions([0, 1], HALVES, "ab", predicted)
