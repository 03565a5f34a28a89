from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from rebalance.errors import LossError
from rebalance.losses import CE, Cost

COUNTS = {"healthy": 90, "rust": 20, "scab": 5}
MATRIX = [[0, 9, 4], [1, 0, 2], [2, 1, 0]]


def test_weights_are_the_mean_costs_of_missing_the_true_class() -> None:
    # Columns are the true class: to take rust for healthy costs 9, the reverse 1.
    assert Cost(COUNTS, MATRIX).weights.tolist() == [1.5, 5, 3]


@pytest.mark.parametrize(
    "matrix",
    [np.array(MATRIX), np.array(MATRIX, np.float32), torch.tensor(MATRIX), tuple(MATRIX)],
    ids=["numpy ints", "numpy floats", "torch", "tuple"],
)
def test_any_matrix_will_do(matrix: Any) -> None:
    assert torch.equal(Cost(COUNTS, matrix).weights, Cost(COUNTS, MATRIX).weights)


def test_equal_costs_are_the_cross_entropy() -> None:
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 2, 0])
    alike = Cost(COUNTS, 1 - torch.eye(3))
    assert torch.equal(alike(logits, targets), CE(COUNTS)(logits, targets))
    torch.testing.assert_close(alike(logits, targets), cross_entropy(logits, targets))


def test_two_classes_have_one_cost_each() -> None:
    assert Cost([9, 1], [[0, 10], [2, 0]]).weights.tolist() == [2, 10]


NEEDED = "the loss option matrix must be 3 rows of 3 costs"


@pytest.mark.parametrize(
    ("matrix", "text"),
    [
        ([[0, 1], [1, 0]], r", .* but its shape is \[2, 2\]"),
        ([[0, 1, 1], [1, 0, 1]], r", .* but its shape is \[2, 3\]"),
        ([1, 2, 3], r", .* but its shape is \[3\]"),
        ([[0, 1, 1], [1, 0], [1, 1, 0]], ", .* all of them numbers"),
        ([["a"] * 3] * 3, ", .* all of them numbers"),
        ("costs.csv", ", .* all of them numbers"),
        (None, ", .* all of them numbers"),
        ([[0, 1, -1], [1, 0, 1], [1, 1, 0]], " that are finite and at least 0, but one is not"),
        ([[0, 1, 1], [float("nan"), 0, 1], [1, 1, 0]], " that are finite"),
        ([[0, 1, 1], [float("inf"), 0, 1], [1, 1, 0]], " that are finite"),
        ([[0, 1, 1], [1, 0.5, 1], [1, 1, 0]], " with zeros on the diagonal"),
        ([[0, 0, 1], [1, 0, 1], [1, 0, 0]], ", but to mistake class 'rust' costs 0"),
    ],
)
def test_matrices_that_cannot_be_are_refused(matrix: Any, text: str) -> None:
    with pytest.raises(LossError, match=NEEDED + text) as caught:
        Cost(COUNTS, matrix)
    assert "\n" not in str(caught.value)


def test_a_class_that_costs_nothing_is_named_by_its_index_where_it_has_no_name() -> None:
    with pytest.raises(LossError, match="class 1 costs 0"):
        Cost([5, 5], [[0, 0], [1, 0]])
