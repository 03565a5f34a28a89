"""Cross entropy by what mistakes cost. Imports torch and nothing heavier."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rebalance.errors import LossError
from rebalance.losses.arguments import ClassCounts, names_of
from rebalance.losses.cross_entropy import CE


class Cost(CE):
    """Cross entropy, each sample weighted by the mean cost of mistaking its class for another.

    matrix: cost[predicted][true] [K, K], in any unit, its diagonal zero, or a CSV of it; or the
    word search, by which train searches a cost of each class on validation images. Weights by the
    cost of a class are Wang, Cui, Chen, Avidan, Ben Abdallah & Kronzer 2018's CSDNN, for two
    classes, as Johnson & Khoshgoftaar 2019 describe it; that a class costs the sum of its column is
    Ting 2002's, and a mean differs from it by one factor. Khan et al. 2018's, where costs stand
    inside the softmax and are learned, is ``cosen``. Raises LossError for a matrix of
    another shape, a cost that is negative or not finite, a right answer that costs something, and a
    class that costs nothing.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 1.0]]), torch.tensor([0, 2])
    >>> loss = LOSSES["cost"]([50, 30, 20], matrix=[[0, 1, 8], [1, 0, 8], [1, 1, 0]])
    >>> loss.weights.tolist()
    [1.0, 1.0, 8.0]
    >>> round(loss(logits, targets).item(), 4)
    0.6236
    """

    def __init__(
        self, class_counts: ClassCounts, matrix: Sequence[Sequence[float]] | Tensor
    ) -> None:
        super().__init__(class_counts)
        costs = _checked(matrix, names_of(class_counts))
        self.reweight(costs.sum(dim=0) / (self.classes - 1))


def _checked(matrix: Any, names: list[str | int]) -> Tensor:
    """``matrix`` as a tensor [K, K], or else LossError; ``names`` are those of the K classes."""
    classes = len(names)
    needed = f"the loss option matrix must be {classes} rows of {classes} costs"
    try:
        costs = torch.as_tensor(matrix, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise LossError(f"{needed}, cost[predicted][true], all of them numbers") from error
    if costs.shape != (classes, classes):
        raise LossError(f"{needed}, cost[predicted][true], but its shape is {list(costs.shape)}")
    if not (costs.isfinite() & (costs >= 0)).all():
        raise LossError(f"{needed} that are finite and at least 0, but one is not")
    if costs.diagonal().any():
        raise LossError(f"{needed} with zeros on the diagonal, where the answer is right")
    for name, column in zip(names, costs.T, strict=True):
        if not column.any():
            raise LossError(f"{needed}, but to mistake class {name!r} costs 0: fill its column")
    return costs
