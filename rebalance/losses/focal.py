"""Focal loss: samples that are classified well count less (Lin et al., ICCV 2017).

Imports torch and nothing heavier.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, one_hot

from rebalance.losses.arguments import ClassCounts, at_least_zero, number
from rebalance.losses.loss import (
    SampleLoss,
    checked_weights,
    log_odds,
    outside_autocast,
    widened,
)
from rebalance.losses.weights import BETA, WEIGHTINGS, checked_beta, class_weights


class Focal(SampleLoss):
    """-α_y (1 - p_y)^γ log p_y, with p the softmax; at γ = 0 the (weighted) cross entropy.

    gamma: how much less what is classified well counts, at least 0. alpha: a number for all
    classes, balanced, inverse or effective to take weights from the class counts, or one for each:
    cat=2,dog=1 by name, a CSV of names and numbers, or [K]; None is 1. beta: for alpha effective,
    which makes it the class-balanced focal loss of Cui et al. 2019. The mean is over the samples,
    not over their weights. Source: Lin et al. 2017, eq. 5, in its multi-class form.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["focal"]([50, 30, 20], gamma=2)(logits, targets).item(), 4)
    0.0849
    """

    divides_by_weights: ClassVar[bool] = False  # as there

    def __init__(
        self,
        class_counts: ClassCounts,
        gamma: float = 2.0,
        alpha: str | float | Sequence[float] | Tensor | None = None,
        beta: float = BETA,
    ) -> None:
        super().__init__(class_counts)
        self.gamma = at_least_zero("gamma", gamma)
        beta = checked_beta(beta)  # also where no weights are asked for
        if alpha is not None:
            self.reweight(_alpha(alpha, class_counts, beta))

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        return focused(log_odds(logits, targets), self.gamma)


class FocalSigmoid(SampleLoss):
    """The sum over the classes, each one against all others, of -α_t (1 - p_t)^γ log p_t.

    p_t is sigmoid(z_y) for the true class and 1 - sigmoid(z_c) for another; α_t is α for the true
    class and 1 - α for another. gamma: how much less what is classified well counts, at least 0.
    alpha: between 0 and 1. Source: Lin et al. 2017, eq. 5.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> loss = LOSSES["focal-sigmoid"]([50, 30, 20])
    >>> round(loss(logits, targets).item(), 4)
    0.283
    """

    divides_by_weights: ClassVar[bool] = False

    def __init__(self, class_counts: ClassCounts, gamma: float = 2.0, alpha: float = 0.25) -> None:
        super().__init__(class_counts)
        self.gamma = at_least_zero("gamma", gamma)
        self.alpha = number("alpha", alpha, "a number between 0 and 1", lambda found: 0 < found < 1)

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        is_true = one_hot(targets, self.classes).bool()
        losses = focused(torch.where(is_true, logits, -logits), self.gamma)
        return (torch.where(is_true, self.alpha, 1 - self.alpha) * losses).sum(dim=1)

    def probabilities(self, logits: Tensor) -> Tensor:
        """The sigmoids of the logits [N, K], scaled so that each row adds up to 1."""
        with outside_autocast(logits):
            return logsigmoid(widened(logits)).softmax(dim=1)


def focused(odds: Tensor, gamma: float) -> Tensor:
    """-(1 - p)^γ log p of the log odds of p, any shape; its slope is finite at p = 1, γ < 1 too."""
    return -(gamma * logsigmoid(-odds)).exp() * logsigmoid(odds)


def _alpha(
    alpha: str | float | Sequence[float] | Tensor, class_counts: ClassCounts, beta: float
) -> Tensor:
    if isinstance(alpha, str) and alpha in WEIGHTINGS:
        return class_weights(class_counts, alpha, beta)
    if isinstance(alpha, (str, int, float)):
        needed = (
            f"a number above 0, one of {', '.join(WEIGHTINGS)}, or one for each class: NAME=NUMBER "
            "with commas between, or a CSV of them"
        )
        same = number("alpha", alpha, needed, lambda found: found > 0)
        return torch.full((len(class_counts),), same)
    return checked_weights(alpha, len(class_counts))
