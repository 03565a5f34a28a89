"""A cross entropy beside what embeddings are moved by: training images, as they were last seen.

Imports torch and nothing heavier.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from rebalance.losses.arguments import ClassCounts
from rebalance.losses.loss import Answers, Descent, Loss, SampleLoss, outside_autocast, widened

SHORTEST = 1e-3  # embedding that is brought to length 1: a shorter one has no steep slopes


class RememberingLoss(SampleLoss, ABC):
    """The cross entropy of each sample, ``ce`` times, and what its embedding adds.

    A subclass learns before every epoch from the embeddings of the training images, normalised,
    which are kept as ``points``. Without any of them, or without embeddings or positions, what is
    left is the cross entropy.
    """

    takes_embeddings = True
    learns_from_training = True
    ce: float = 1.0
    points: Tensor  # [N, D]; a buffer

    def __init__(self, class_counts: ClassCounts) -> None:
        super().__init__(class_counts)
        # What the images are, and no part of what has been learned: made anew before every epoch.
        self.register_buffer("points", torch.zeros(0, 0), persistent=False)

    @abstractmethod
    def added(self, targets: Tensor, embeddings: Tensor, positions: Tensor) -> Tensor:
        """Return what each sample's embedding adds to its loss [N]."""

    def remembered(self, answers: Answers) -> Tensor:
        """Return what the training images are now, at length 1 [N, D]."""
        return normalised(widened(answers.embeddings))

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets, reduction="none")

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        embeddings: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        if embeddings is None or positions is None or not len(self.points):
            return super().forward(logits, targets)
        self.check(logits, targets)
        if embeddings.ndim != 2 or not len(embeddings) == len(positions) == len(targets):
            raise ValueError(
                f"embeddings must be [{len(targets)}, D] and positions [{len(targets)}], not "
                f"{list(embeddings.shape)} and {list(positions.shape)}"
            )
        with outside_autocast(logits):
            plain = self.ce * self.per_sample(widened(logits), targets)
            losses = plain + self.added(targets, widened(embeddings), positions)
            weights = widened(self.weights)[targets]
            return self._mean(weights * losses, weights)

    def soft_steps(self) -> tuple[Descent, ...]:
        """LossError: a label that two classes share has no place among those of one class."""
        return Loss.soft_steps(self)


def normalised(embeddings: Tensor) -> Tensor:
    """Bring embeddings [N, D] to length 1, but for those that are nearly 0."""
    return normalize(embeddings, dim=1, eps=SHORTEST)
