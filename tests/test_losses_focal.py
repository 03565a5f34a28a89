import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, one_hot
from torchvision.ops import sigmoid_focal_loss

from rebalance.losses import CE, WEIGHTINGS, Focal, FocalSigmoid, Weighted, class_weights

COUNTS = [60, 30, 10]
TARGETS = torch.tensor([0, 0, 0, 1, 1, 2])
LOGITS = 2 * torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def test_focal_at_gamma_0_is_the_cross_entropy() -> None:
    value = Focal(COUNTS, gamma=0)(LOGITS, TARGETS)
    torch.testing.assert_close(value, CE(COUNTS)(LOGITS, TARGETS))
    torch.testing.assert_close(value, cross_entropy(LOGITS, TARGETS))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_focal_at_gamma_0_with_class_weights_is_the_weighted_cross_entropy(weighting: str) -> None:
    """But for what it is divided by: the samples, as in the paper, and not their weights."""
    value = Focal(COUNTS, 0, weighting)(LOGITS, TARGETS)
    mean_weight = class_weights(COUNTS, weighting)[TARGETS].mean()
    torch.testing.assert_close(value, Weighted(COUNTS, weighting)(LOGITS, TARGETS) * mean_weight)


def test_alpha_stands_outside_the_power_and_not_inside_p() -> None:
    alpha = [0.2, 1.0, 3.0]
    p = LOGITS.softmax(dim=1)[torch.arange(6), TARGETS]
    expected = -torch.tensor(alpha)[TARGETS] * (1 - p) ** 2 * p.log()
    torch.testing.assert_close(Focal(COUNTS, alpha=alpha)(LOGITS, TARGETS), expected.mean())
    scaled = Focal(COUNTS, alpha=torch.tensor(alpha))(LOGITS, TARGETS)
    torch.testing.assert_close(scaled, expected.mean())


def test_one_alpha_is_for_every_class() -> None:
    value = Focal(COUNTS, alpha=0.25)(LOGITS, TARGETS)
    torch.testing.assert_close(value, Focal(COUNTS)(LOGITS, TARGETS) / 4)
    assert torch.equal(Focal(COUNTS, alpha="effective").weights, class_weights(COUNTS, "effective"))
    lighter = Focal(COUNTS, alpha="effective", beta=0.9).weights
    assert torch.equal(lighter, class_weights(COUNTS, "effective", 0.9))


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0, 50.0])
@pytest.mark.parametrize("top", [20.0, 200.0, 1e4])
def test_the_gradient_is_finite_where_p_is_1(gamma: float, top: float) -> None:
    for kind in (Focal, FocalSigmoid):
        logits = torch.tensor([[top, -top, 0.0], [-top, top, top]], requires_grad=True)
        value = kind(COUNTS, gamma)(logits, torch.tensor([0, 0]))
        (slopes,) = torch.autograd.grad(value, logits)
        assert value.isfinite()
        assert slopes.isfinite().all()


@given(st.floats(-1e4, 1e4, width=32), st.floats(0, 10), st.floats(0, 10))
def test_the_more_focus_the_less_a_sample_counts(logit: float, one: float, other: float) -> None:
    logits, target = torch.tensor([[logit, 0.0]]), torch.tensor([0])
    less, more = (Focal([1, 1], gamma)(logits, target) for gamma in sorted([one, other]))
    assert 0 <= more <= less <= CE([1, 1])(logits, target) + 1e-6


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [0.25, 0.9])
def test_focal_sigmoid_equals_torchvision(gamma: float, alpha: float) -> None:
    truth = one_hot(TARGETS, 3).float()
    expected = sigmoid_focal_loss(LOGITS, truth, alpha, gamma, reduction="sum") / len(TARGETS)
    value = FocalSigmoid(COUNTS, gamma, alpha)(LOGITS, TARGETS)
    torch.testing.assert_close(value, expected)


def test_focal_sigmoid_probabilities_are_sigmoids_even_where_all_are_tiny() -> None:
    far = torch.tensor([[-1e4, -1e4 + 1, -2e4]])
    rows = FocalSigmoid(COUNTS).probabilities(far)
    expected = torch.tensor([[1 / (1 + math.e), math.e / (1 + math.e), 0]])
    torch.testing.assert_close(rows, expected)
