"""Logit adjustment: class shares inside the softmax of training, and not in the decision.

Imports torch and nothing heavier.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rebalance.losses.arguments import ClassCounts, at_least_zero, counts_of_filled
from rebalance.losses.loss import SampleLoss, widened


class LogitAdjusted(SampleLoss):
    """Cross entropy of z + τ·log π, π being the class shares of the training images.

    The logits z then rank classes as if all were equally frequent, and are used as they are. For a
    linear head with a free bias on features that stay as they are, τ = 1 gives the scores of cross
    entropy with the threshold ``prior`` afterwards: the bias takes up log π. It differs where the
    network below learns too. tau: τ, at least 0; 0 is cross entropy. Source: Menon et al., "Long-
    tail learning via logit adjustment", ICLR 2021, eq. 10.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["logit-adjusted"]([50, 30, 20])(logits, targets).item(), 4)
    0.6087
    """

    is_cross_entropy = True
    shift: Tensor  # [K], a buffer

    def __init__(self, class_counts: ClassCounts, tau: float = 1.0) -> None:
        super().__init__(class_counts)
        self.tau = at_least_zero("tau", tau)
        counts = torch.tensor(counts_of_filled(class_counts), dtype=torch.float64)
        shift = self.tau * (counts / counts.max()).log()
        self.register_buffer("shift", shift.float())

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        # Shifted to where floats lie dense, before what is small is added.
        nearby = logits - logits.amax(dim=1, keepdim=True).detach()
        return cross_entropy(nearby + widened(self.shift), targets, reduction="none")

    def shift_in_training(self) -> list[float]:
        """τ·log π [K], up to what all classes share."""
        shift: list[float] = self.shift.double().tolist()
        return shift

    def weights_of_classes(self) -> list[float]:
        """The weights [K], each divided by its class's count to the power of τ.

        That is what the shares of training come to in the logits: ``prior`` must not divide again.
        """
        found: list[float] = (self.weights.double() * (-self.shift.double()).exp()).tolist()
        return found


class BalancedSoftmax(LogitAdjusted):
    """Cross entropy of a softmax in which each class counts as often as it has training images.

    -log(n_y·e^z_y / Σ n_j·e^z_j): what ``logit-adjusted`` is with τ = 1, under the name of another
    paper; for a linear head with a free bias, the scores of cross entropy with the threshold
    ``prior`` afterwards. Source: Ren et al., "Balanced Meta-Softmax for Long-Tailed Visual
    Recognition", NeurIPS 2020, eq. 4.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["balanced-softmax"]([50, 30, 20])(logits, targets).item(), 4)
    0.6087
    """

    def __init__(self, class_counts: ClassCounts) -> None:
        super().__init__(class_counts)
