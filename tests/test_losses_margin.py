import pytest
import torch
from torch.nn.functional import cross_entropy

from rebalance.losses import LDAM, class_weights

COUNTS = [1600, 100, 81, 1]
COSINES = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
TARGETS = torch.tensor([0, 0, 1, 2, 3, 3])


def test_margins_fall_with_the_fourth_root_of_the_class_size() -> None:
    expected = [0.5 / 40**0.5, 0.5 / 10**0.5, 0.5 / 3, 0.5]
    assert LDAM(COUNTS).margins.tolist() == pytest.approx(expected)
    assert LDAM(COUNTS, max_margin=0.2).margins.max().item() == pytest.approx(0.2)


def test_classes_of_one_size_have_one_margin() -> None:
    assert LDAM([7, 7, 7]).margins.tolist() == [0.5, 0.5, 0.5]


def test_without_a_margin_it_is_the_cross_entropy_of_the_scaled_cosines() -> None:
    value = LDAM(COUNTS, max_margin=0, scale=10)(COSINES, TARGETS)
    torch.testing.assert_close(value, cross_entropy(10 * COSINES, TARGETS))


def test_the_margin_is_taken_from_the_true_class_alone() -> None:
    moved = COSINES.clone()
    for row, target in enumerate(TARGETS.tolist()):
        moved[row, target] -= LDAM(COUNTS).margins[target]
    torch.testing.assert_close(LDAM(COUNTS)(COSINES, TARGETS), cross_entropy(30 * moved, TARGETS))


def test_a_smaller_class_pays_more_for_the_same_cosine() -> None:
    cosines = torch.full((1, 4), 0.3)
    losses = [LDAM(COUNTS)(cosines, torch.tensor([c])).item() for c in range(4)]
    assert losses == sorted(losses)
    assert len(set(losses)) == 4


def test_deferred_reweighting_counts_the_classes_by_their_effective_number() -> None:
    loss = LDAM(COUNTS)
    alone = torch.stack([loss(COSINES[i : i + 1], TARGETS[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(loss(COSINES, TARGETS), alone.mean())
    weights = class_weights(COUNTS, "effective")
    loss.reweight(weights)
    counted = weights[TARGETS]
    torch.testing.assert_close(loss(COSINES, TARGETS), (counted * alone).sum() / counted.sum())
    assert loss.weights[3] > 3 * loss.weights[2] > loss.weights[0]
