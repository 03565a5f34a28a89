"""Cross entropy, plain and with class weights. Imports torch and nothing heavier."""

from torch import Tensor
from torch.nn import functional

from rebalance.losses.arguments import ClassCounts
from rebalance.losses.loss import SampleLoss
from rebalance.losses.weights import BETA, class_weights


class CE(SampleLoss):
    """Cross entropy: -log p_y.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["ce"]([50, 30, 20])(logits, targets).item(), 4)
    0.4251
    """

    is_cross_entropy = True

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(logits, targets, reduction="none")


class Weighted(CE):
    """Cross entropy by the weight of the true class: the sum of -w_y log p_y over that of w_y.

    weighting: balanced (N / (K·n_c)), inverse (1 / n_c) or effective ((1 - β) / (1 - β^n_c)). As
    only their ratios count, balanced and inverse are the same loss. beta: for effective. See
    docs/methods.md, "Class weights".

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> loss = LOSSES["weighted"]([50, 30, 20], weighting="inverse")
    >>> [round(weight, 3) for weight in loss.weights.tolist()]
    [0.581, 0.968, 1.452]
    >>> round(loss(logits, targets).item(), 4)
    0.5344
    """

    def __init__(
        self, class_counts: ClassCounts, weighting: str = "balanced", beta: float = BETA
    ) -> None:
        super().__init__(class_counts)
        self.reweight(class_weights(class_counts, weighting, beta))
