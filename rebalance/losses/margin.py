"""Label-distribution-aware margins (Cao et al., NeurIPS 2019).

Imports torch and nothing heavier.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from rebalance.losses.arguments import ClassCounts, at_least_zero, counts_of_filled, number
from rebalance.losses.loss import SampleLoss, outside_autocast, widened


class LDAM(SampleLoss):
    """Cross entropy of s·(cos θ - m_y on the true class): a smaller class has a wider margin.

    Its logits are cosines, and m_c = max_margin · (n_min / n_c)^¼. max_margin: that of the smallest
    class, at least 0. scale: s, above 0. LDAM-DRW is this loss with the regime drw:
    ``reweight(class_weights(class_counts, "effective"))`` from 80 % of the epochs on. Source: Cao
    et al. 2019, eq. 13.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> loss = LOSSES["ldam"]([5000, 500, 50])
    >>> [round(margin, 3) for margin in loss.margins.tolist()]
    [0.158, 0.281, 0.5]
    >>> cosines, targets = torch.tensor([[0.9, 0.1, -0.2], [0.0, 0.1, 0.8]]), torch.tensor([0, 2])
    >>> round(loss(cosines, targets).item(), 4)
    0.0013
    """

    takes_cosines = True
    margins: Tensor  # [K], a buffer

    def __init__(
        self, class_counts: ClassCounts, max_margin: float = 0.5, scale: float = 30.0
    ) -> None:
        super().__init__(class_counts)
        widest = at_least_zero("max_margin", max_margin)
        self.scale = number("scale", scale, "a number above 0", lambda found: found > 0)
        counts = counts_of_filled(class_counts)
        margins = [widest * (min(counts) / count) ** 0.25 for count in counts]
        self.register_buffer("margins", torch.tensor(margins, dtype=torch.float32))

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        margins = one_hot(targets, self.classes) * widened(self.margins)
        return cross_entropy(self.scale * (logits - margins), targets, reduction="none")

    def probabilities(self, logits: Tensor) -> Tensor:
        """The softmax [N, K] of the cosines [N, K] times ``scale``, without margins."""
        with outside_autocast(logits):
            return (self.scale * widened(logits)).softmax(dim=1)
