import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rebalance.losses import ASL, Focal

COUNTS = [60, 30, 10]
TARGETS = torch.tensor([0, 0, 0, 1, 1, 2])
LOGITS = 2 * torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("gamma_neg", [0.0, 4.0, 11.0])
def test_without_smoothing_and_focus_it_collapses_to_the_cross_entropy(gamma_neg: float) -> None:
    loss = ASL(COUNTS, gamma_pos=0, gamma_neg=gamma_neg, smoothing=0)
    torch.testing.assert_close(loss(LOGITS, TARGETS), cross_entropy(LOGITS, TARGETS))


def test_without_any_focus_it_is_the_cross_entropy_of_smoothed_labels() -> None:
    loss = ASL(COUNTS, gamma_pos=0, gamma_neg=0, smoothing=0.2)
    expected = cross_entropy(LOGITS, TARGETS, label_smoothing=0.2)
    torch.testing.assert_close(loss(LOGITS, TARGETS), expected)


def test_without_smoothing_it_is_the_focal_loss() -> None:
    loss = ASL(COUNTS, gamma_pos=1.5, smoothing=0)
    torch.testing.assert_close(loss(LOGITS, TARGETS), Focal(COUNTS, 1.5)(LOGITS, TARGETS))


def slope_of_wrong(gamma_neg: float, logits: Tensor) -> float:
    leaf = logits.clone().requires_grad_()
    loss = ASL(COUNTS, gamma_neg=gamma_neg, smoothing=0.3)
    (slopes,) = torch.autograd.grad(loss(leaf, torch.tensor([0])), leaf)
    return slopes[0, 2].item()


def test_gamma_neg_lets_go_of_wrong_classes_that_are_unlikely_already() -> None:
    # Smoothing pulls an unlikely class up; with γ- that pull all but vanishes.
    logits = torch.tensor([[3.0, 0.0, -6.0]])
    assert slope_of_wrong(0, logits) < -0.05
    assert abs(slope_of_wrong(4, logits)) < 1e-3
