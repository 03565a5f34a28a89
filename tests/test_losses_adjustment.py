"""What logit adjustment trains, against a threshold moved afterwards and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

from rebalance.losses import BalancedSoftmax, LogitAdjusted, Loss
from rebalance.scoring import effective_prior, prior_shift

COUNTS = [90, 25, 10]


def points() -> tuple[np.ndarray, np.ndarray]:
    rng, labels = np.random.default_rng(0), np.repeat([0, 1, 2], COUNTS)
    return rng.normal(size=(len(labels), 2)) + np.array([[0, 0], [1, 0], [0, 1]])[labels], labels


def fitted(loss: Loss) -> torch.nn.Linear:
    """A linear layer with a free bias at the optimum, its weights held by a penalty."""
    inputs, labels = (torch.from_numpy(each) for each in points())
    layer = torch.nn.Linear(2, 3).double()
    descent = torch.optim.LBFGS(
        layer.parameters(), max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        descent.zero_grad()
        penalty = layer.weight.square().sum() / (2 * len(labels))
        value: torch.Tensor = loss(layer(inputs), labels) + penalty
        value.backward()
        return value

    descent.step(closure)
    return layer


def test_a_linear_head_scores_as_with_the_threshold_moved_afterwards() -> None:
    inputs, labels = points()
    layer = fitted(BalancedSoftmax(COUNTS))
    with torch.no_grad():
        found = BalancedSoftmax(COUNTS).probabilities(layer(torch.from_numpy(inputs)))
    plain = LogisticRegression(tol=1e-9, max_iter=1000).fit(inputs, labels).predict_proba(inputs)
    expected = prior_shift(plain, COUNTS, [1, 1, 1])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)
    assert (expected.argmax(axis=1) != plain.argmax(axis=1)).any()


def test_with_tau_1_it_is_the_balanced_softmax_and_with_0_cross_entropy() -> None:
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 2, 0])
    alike = LogitAdjusted(COUNTS)(logits, targets)
    assert torch.equal(alike, BalancedSoftmax(COUNTS)(logits, targets))
    plain = LogitAdjusted(COUNTS, tau=0)(logits, targets)
    torch.testing.assert_close(plain, cross_entropy(logits, targets))


@pytest.mark.parametrize(
    ("tau", "draws", "left"),
    [(1.0, COUNTS, [1, 1, 1]), (0.0, COUNTS, COUNTS), (1.0, [1, 1, 1], [1 / 90, 1 / 25, 1 / 10])],
)
def test_what_training_amounts_to_counts_the_adjustment(
    tau: float, draws: list[int], left: list[float]
) -> None:
    found = effective_prior(draws, LogitAdjusted(COUNTS, tau=tau).weights_of_classes())
    np.testing.assert_allclose(found, np.array(left) / sum(left), rtol=1e-6)
