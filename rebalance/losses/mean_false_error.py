"""Mean false error: every class present counts the same (Wang et al., IJCNN 2016).

Imports torch and nothing heavier.
"""

from torch import Tensor
from torch.nn.functional import one_hot

from rebalance.losses.loss import Loss, outside_autocast, widened


class MFE(Loss):
    """The sum, over the classes in the batch, of the mean of ½‖onehot - p‖² of their samples.

    Source: Johnson & Khoshgoftaar 2019, eq. 12 to 14, with all K classes in place of two.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["mfe"]([50, 30, 20])(logits, targets).item(), 4)
    0.2059
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        self.check(logits, targets)
        with outside_autocast(logits):
            return class_errors(widened(logits), targets).sum()


class MSFE(Loss):
    """The sum, over the classes in the batch, of the squared mean of ½‖onehot - p‖².

    Source: Johnson & Khoshgoftaar 2019, eq. 15, with all K classes in place of two.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> round(LOSSES["msfe"]([50, 30, 20])(logits, targets).item(), 4)
    0.0351
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        self.check(logits, targets)
        with outside_autocast(logits):
            return class_errors(widened(logits), targets).square().sum()


def class_errors(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean [K] of ½‖onehot - p‖² over the samples of each class; 0 for one without samples."""
    truth = one_hot(targets, logits.shape[1]).to(logits.dtype)
    errors = (truth - logits.softmax(dim=1)).square().sum(dim=1) / 2
    # Summed by a mask: adding up by index is not deterministic on a GPU.
    return (truth * errors[:, None]).sum(dim=0) / truth.sum(dim=0).clamp(min=1)
