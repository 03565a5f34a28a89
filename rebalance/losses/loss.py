"""What every loss has in common: its inputs, its precision, its mean, its class weights.

Imports torch and nothing heavier.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from rebalance.errors import LossError
from rebalance.losses.arguments import ClassCounts, counts_of, number


class Descent(NamedTuple):
    """One of the steps that a batch is descended by.

    loss: of logits, targets and perhaps embeddings. amount: of targets, what ``loss`` divides by;
    by it the loss of a batch is put together from its parts.
    """

    loss: Callable[..., Tensor]
    amount: Callable[[Any], Tensor]


class SoftTargets(NamedTuple):
    """Labels that two classes share: of ``share`` [N] is ``other`` [N], of the rest ``own`` [N]."""

    own: Tensor
    other: Tensor
    share: Tensor

    def take(self, rows: Tensor) -> "SoftTargets":
        """Return the labels of these rows."""
        return SoftTargets(self.own[rows], self.other[rows], self.share[rows])

    def to(self, device: str) -> "SoftTargets":
        """Return the same on a device."""
        return SoftTargets(*(part.to(device, non_blocking=True) for part in self))


class Answers(NamedTuple):
    """What a network in evaluation mode says of images, not varied, and what they are.

    probabilities: [N, K], as the loss has them. embeddings: [N, D], under the last layer. labels:
    int64 [N]. All of them on the CPU.
    """

    probabilities: Tensor
    embeddings: Tensor
    labels: Tensor


class Loss(nn.Module):
    """Logits [N, K] and targets [N], class indices, to a scalar: the mean loss of the batch.

    takes_cosines: the logits are cosines, of a last layer whose features and weights are normalised
        and that has no bias.
    takes_embeddings: a third argument is needed, the features [N, D] under the last layer, and the
        loss is of use only where these learn.
    sees_whole_batch: the loss of a batch is other than the mean of the losses of its parts, each as
        its ``amount`` says.
    weighs_classes: ``reweight`` says from then on how much a sample of each class counts.
    learns_from_validation: before every epoch, ``learn`` is to be called with what the network says
        of validation images.
    learns_from_training: the same, with what it says of all training images; a fourth argument is
        needed, the positions [N] of the batch's images among them.
    is_cross_entropy: it is that, plain or with class weights or shares, so that a linear layer on
        features that stay as they are can be fitted by it to the end.

    Computed in float32 or better, under autocast too. Made from the training images of each class;
    raises LossError where they, or an option, cannot be. Called on a batch that is empty or of
    other classes, a loss raises ValueError.
    """

    takes_cosines: ClassVar[bool] = False
    takes_embeddings: bool = False
    sees_whole_batch: bool = True
    weighs_classes: ClassVar[bool] = False
    learns_from_validation: ClassVar[bool] = False
    learns_from_training: ClassVar[bool] = False
    is_cross_entropy: bool = False

    def __init__(self, class_counts: ClassCounts) -> None:
        super().__init__()
        self.classes = len(counts_of(class_counts))

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return what the logits [N, K] say under this loss: rows [N, K] that add up to 1."""
        with outside_autocast(logits):
            return widened(logits).softmax(dim=1)

    def steps(self) -> tuple[Descent, ...]:
        """The losses that a batch is descended by in turn, each with a forward pass of its own."""
        return (Descent(self, self.amount),)

    def soft_steps(self) -> tuple[Descent, ...]:
        """``steps`` for ``SoftTargets``; LossError where the loss has no use for shared labels."""
        raise LossError(
            f"the loss {type(self).__name__} takes one class for each sample, and here two share a "
            "label, by --mix or in a manifest's blends: choose another loss, such as ce, or leave "
            "these out"
        )

    def amount(self, targets: Tensor) -> Tensor:
        """Return what the loss of samples with these targets [N] is divided by: N, a scalar."""
        return count_of(targets)

    def reweight(self, weights: Tensor | Sequence[float]) -> None:
        """Let the classes count as ``weights`` [K] says, where the loss ``weighs_classes``.

        Raises LossError where it does not.
        """
        raise LossError(f"the loss {type(self).__name__} cannot weigh the classes: choose another")

    def learn(self, answers: Answers) -> None:
        """Learn from what the network says, where the loss ``learns_from_validation`` or training.

        What the next epoch does not learn anew is in its ``state_dict``.
        """

    def weights_of_classes(self) -> list[float]:
        """Return how much a sample of each class counts [K], for whoever asks what training saw.

        One for each, unless the loss says else.
        """
        return [1.0] * self.classes

    def shift_in_training(self) -> list[float]:
        """Return what is added to the logits [K] in training alone, which a free bias takes up."""
        return [0.0] * self.classes

    def check(self, logits: Tensor, targets: Tensor) -> None:
        """Raise ValueError unless there is a batch of this loss's classes."""
        if logits.ndim != 2 or logits.shape[1] != self.classes:
            raise ValueError(f"logits must be [N, {self.classes}], not {list(logits.shape)}")
        check_targets(logits, targets)


class SampleLoss(Loss, ABC):
    """A loss of each sample on its own: their mean, each weighted by its true class.

    divides_by_weights: the sum of weight times loss is divided by the sum of the weights, as by
        torch's own ``weight=``, so that a step is as long whatever the weights add up to; otherwise
        by the number of samples. It is 0 for a batch whose weights are all 0.
    """

    sees_whole_batch = False
    weighs_classes = True
    divides_by_weights: ClassVar[bool] = True
    weights: Tensor  # [K], a buffer
    top: float | None = None

    def __init__(self, class_counts: ClassCounts) -> None:
        super().__init__(class_counts)
        self.register_buffer("weights", torch.ones(self.classes))

    def take_largest(self, top: float | str | None = None) -> None:
        """From now on, average the largest losses of a batch alone, and learn from no others.

        Losses are compared as the classes weigh (tie: the earlier sample). top: how many of a
        batch's losses are averaged, the largest ones: a share of them, below 1, or a number from 1
        on. Source: online hard example mining, Shrivastava et al., "Training Region-based Object
        Detectors with Online Hard Example Mining", CVPR 2016, section 4. Raises LossError for
        another number.

        >>> import torch
        >>> from rebalance.losses import make_loss
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        >>> loss = make_loss("ce", [50, 30], {"top": 0.25})
        >>> round(loss(logits, torch.tensor([0, 0, 0, 1])).item(), 4)
        1.3133
        """
        if top is None:
            return
        needed = "a share of the batch, above 0 and below 1, or a whole number of at least 1"
        self.top = number(
            "top", top, needed, lambda found: 0 < found < 1 or (found >= 1 and found.is_integer())
        )
        self.sees_whole_batch, self.is_cross_entropy = True, False

    def reweight(self, weights: Tensor | Sequence[float]) -> None:
        """From now on, let the classes count as ``weights`` [K] says, in place of what they did.

        Deferred re-weighting (Cao et al. 2019) calls this in the middle of training. Raises
        LossError unless there is one finite weight of at least 0 for each class.
        """
        self.weights.copy_(checked_weights(weights, self.classes))

    def weights_of_classes(self) -> list[float]:
        """The weights [K] that the loss was made with, or was last given."""
        weights: list[float] = self.weights.tolist()
        return weights

    def amount(self, targets: Tensor) -> Tensor:
        """Return the sum of the weights of samples with these targets [N], or N, as a scalar.

        N where the largest losses are taken, which targets alone do not tell.
        """
        if self.divides_by_weights and self.top is None:
            return widened(self.weights)[targets].sum()
        return super().amount(targets)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        self.check(logits, targets)
        with outside_autocast(logits):
            weights = widened(self.weights)[targets]
            return self._mean(weights * self.per_sample(widened(logits), targets), weights)

    def soft_steps(self) -> tuple[Descent, ...]:
        """One step, by the loss of each sample under either class, each in its share."""
        if type(self).steps is not Loss.steps:
            return super().soft_steps()
        return (Descent(self.shared, self.shared_amount),)

    def shared(self, logits: Tensor, targets: SoftTargets) -> Tensor:
        """Return the mean loss, a scalar, where two classes share a label.

        For the cross entropy that is the one to the soft label itself.
        """
        self.check(logits, targets.own)
        check_targets(logits, targets.other)
        with outside_autocast(logits):
            wide, share = widened(logits), widened(targets.share)
            own, other = (
                widened(self.weights)[labels] * self.per_sample(wide, labels)
                for labels in (targets.own, targets.other)
            )
            return self._mean((1 - share) * own + share * other, self._shared_weights(targets))

    def shared_amount(self, targets: SoftTargets) -> Tensor:
        """Return what ``shared`` divides by: as ``amount``, of both classes in their shares."""
        if self.divides_by_weights and self.top is None:
            return self._shared_weights(targets).sum()
        return super().amount(targets.own)

    def _shared_weights(self, targets: SoftTargets) -> Tensor:
        weights, share = widened(self.weights), widened(targets.share)
        return (1 - share) * weights[targets.own] + share * weights[targets.other]

    def _mean(self, losses: Tensor, weights: Tensor) -> Tensor:
        """The mean of weighted losses [N], or of the largest of them, by their weights [N] or N."""
        if self.top is not None:
            many = math.ceil(round(self.top * len(losses), 9)) if self.top < 1 else int(self.top)
            # In an order that every device finds, where some are alike.
            kept = losses.detach().argsort(descending=True, stable=True)[:many]
            losses, weights = losses[kept], weights[kept]
        amount = weights.sum() if self.divides_by_weights else count_of(losses)
        return losses.sum() / at_least_tiny(amount)

    @abstractmethod
    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss [N] of each sample, unweighted; the logits are float32 or better."""


def outside_autocast(tensor: Tensor) -> torch.autocast:
    """A context in which autocast does not narrow what is computed on the tensor's device."""
    return torch.autocast(tensor.device.type, enabled=False)


def widened(tensor: Tensor) -> Tensor:
    """``tensor`` in float32, or as it is where it is wider."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def count_of(targets: Tensor) -> Tensor:
    """N, for targets [N], as a scalar on their device."""
    return torch.full((), float(len(targets)), device=targets.device)


def at_least_tiny(amount: Tensor) -> Tensor:
    """``amount``, or where it is 0 the least number that may be divided by."""
    return amount.clamp(min=torch.finfo(amount.dtype).tiny)


def check_targets(logits: Tensor, targets: Tensor) -> None:
    """Raise ValueError unless there is a class index for each of at least one row of logits."""
    if not len(logits):
        raise ValueError("the mean loss needs at least one sample, but the batch is empty")
    if targets.shape != logits.shape[:1] or targets.dtype != torch.int64:
        raise ValueError(
            f"targets must be int64 [{len(logits)}], not {targets.dtype} {list(targets.shape)}"
        )


def checked_weights(weights: Any, classes: int) -> Tensor:
    """``weights`` as a float32 tensor [classes]; LossError unless finite and at least 0."""
    needed = f"class weights must be {classes} finite numbers of at least 0"
    try:
        found = torch.as_tensor(weights, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise LossError(f"{needed}, but some are no numbers") from error
    if found.shape != (classes,):
        raise LossError(f"{needed}, but their shape is {list(found.shape)}")
    if not (found.isfinite() & (found >= 0)).all():
        raise LossError(f"{needed}, but one is not")
    return found


def of_wrong_classes(values: Tensor, targets: Tensor) -> Tensor:
    """Select in each row of ``values`` [N, K] the other classes [N, K - 1], in class order."""
    places = torch.arange(values.shape[1] - 1, device=values.device)
    return values.gather(1, places + (places >= targets[:, None]))


def log_odds(logits: Tensor, targets: Tensor) -> Tensor:
    """log(p_y / (1 - p_y)) [N] of the true class under softmax, finite wherever the logits are.

    Its ``logsigmoid`` is log p_y, and that of its negative log(1 - p_y): both accurate, with their
    gradients, for p_y near 0 and near 1.
    """
    wrong = of_wrong_classes(logits, targets)
    # Shifted to where floats lie dense: logsumexp's slopes are as exact as its value.
    top = wrong.amax(dim=1, keepdim=True).detach()
    true = logits.gather(1, targets[:, None]) - top
    return true[:, 0] - (wrong - top).logsumexp(dim=1)
