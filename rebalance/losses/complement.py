"""Losses that level out the probabilities of the wrong classes.

Sources: complement objective training, Chen et al., ICLR 2019; complement cross entropy, Kim, Lee
& Jeon, PRL 2021. Imports torch and nothing heavier.
"""

from torch import Tensor

from rebalance.losses.arguments import ClassCounts, number
from rebalance.losses.cross_entropy import CE
from rebalance.losses.loss import (
    Descent,
    check_targets,
    count_of,
    of_wrong_classes,
    outside_autocast,
    widened,
)


def complement_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """C, a scalar: the mean over the samples of the entropy of softmax over the wrong classes.

    logits: [N, K], K at least 2. targets: the class index [N] of each sample. In nats, from 0 to
    log(K - 1), and so 0 at K = 2; larger is better. Computed in float32 or better. Source: Kim, Lee
    & Jeon 2021, eq. 2. ValueError for other shapes and for an empty batch.

    >>> import torch
    >>> from rebalance.losses import complement_entropy
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(complement_entropy(logits, targets).item(), 4)
    0.6225
    """
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(f"logits must be [N, K] with K at least 2, not {list(logits.shape)}")
    check_targets(logits, targets)
    with outside_autocast(logits):
        return _entropy_of_wrong(widened(logits), targets).mean()


class CCE(CE):
    """Complement cross entropy: CE + γ/(K - 1) · C, with ``complement_entropy`` C.

    gamma: any number; below 0 it raises C, which is what the paper means. The value may be
    negative; at K = 2 and at γ = 0 it is the cross entropy. Source: Kim, Lee & Jeon 2021, eq. 5.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["cce"]([50, 30, 20], gamma=-1)(logits, targets).item(), 4)
    0.1138
    """

    def __init__(self, class_counts: ClassCounts, gamma: float = -1.0) -> None:
        super().__init__(class_counts)
        self.gamma = number("gamma", gamma, "a finite number", lambda found: True)

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        entropy = _entropy_of_wrong(logits, targets)
        factor = self.gamma / (self.classes - 1)
        return super().per_sample(logits, targets) + factor * entropy


class COT(CE):
    """Complement objective training: called, it is the cross entropy of a batch's first step.

    The second step takes a new forward pass and an optimiser of its own, on ``complement``.
    Source: Chen et al. 2019.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> loss = LOSSES["cot"]([50, 30, 20])
    >>> round(loss(logits, targets).item(), 4), round(loss.complement(logits, targets).item(), 4)
    (0.4251, -0.3113)
    """

    def steps(self) -> tuple[Descent, ...]:
        """The cross entropy, and then its complement, which is a plain mean."""
        return Descent(self, self.amount), Descent(self.complement, count_of)

    def complement(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of the second step, a scalar: -C/(K - 1), with ``complement_entropy`` C."""
        self.check(logits, targets)
        return -complement_entropy(logits, targets) / (self.classes - 1)


def _entropy_of_wrong(logits: Tensor, targets: Tensor) -> Tensor:
    """The entropy [N] of softmax over the wrong classes, from their logits alone.

    Dividing p by 1 - p_y instead is 0 / 0 as soon as the true class wins clearly.
    """
    log_shares = of_wrong_classes(logits, targets).log_softmax(dim=1)
    return -(log_shares.exp() * log_shares).sum(dim=1)
