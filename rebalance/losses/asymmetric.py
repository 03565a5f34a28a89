"""Asymmetric loss, for one label per image (Ridnik et al., ICCV 2021).

Imports torch and nothing heavier.
"""

from torch import Tensor

from rebalance.losses.arguments import ClassCounts, at_least_zero, number
from rebalance.losses.focal import focused
from rebalance.losses.loss import SampleLoss, log_odds, of_wrong_classes


class ASL(SampleLoss):
    """Cross entropy against smoothed targets, in which classes that are judged well count less.

    -Σ_c t_c · w_c · log p_c: w_y = (1 - p_y)^γ+ for the true class, w_c = p_c^γ- for a wrong one; t
    is the one-hot target, of which ``smoothing`` is spread evenly over all K classes. At γ+ = 0
    without smoothing it is the cross entropy. gamma_pos (γ+), gamma_neg (γ-): at least 0.
    smoothing: from 0, below 1. Source: Ridnik et al. 2021, in its single-label form.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["asl"]([50, 30, 20])(logits, targets).item(), 4)
    0.3969
    """

    def __init__(
        self,
        class_counts: ClassCounts,
        gamma_pos: float = 0.0,
        gamma_neg: float = 4.0,
        smoothing: float = 0.1,
    ) -> None:
        super().__init__(class_counts)
        self.gamma_pos = at_least_zero("gamma_pos", gamma_pos)
        self.gamma_neg = at_least_zero("gamma_neg", gamma_neg)
        needed = "a number of at least 0 and below 1"
        self.smoothing = number("smoothing", smoothing, needed, lambda found: 0 <= found < 1)

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        spread = self.smoothing / self.classes
        positive = focused(log_odds(logits, targets), self.gamma_pos)
        log_p = of_wrong_classes(logits.log_softmax(dim=1), targets)
        negative = -((self.gamma_neg * log_p).exp() * log_p).sum(dim=1)
        return (1 - self.smoothing + spread) * positive + spread * negative
