"""A head on embeddings, trained apart from the body: the third phase of EOS, and studies' probe.

Source: Dablain et al., "Efficient Augmentation for Imbalanced Deep Learning", ICDE 2023. Imports
torch and nothing heavier.
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from rebalance import seeds
from rebalance.errors import TrainingError
from rebalance.losses import Loss, class_weights
from rebalance.losses.cross_entropy import CE
from rebalance.losses.loss import SoftTargets
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.training.first_phase import USUAL, FirstPhase
from rebalance.training.regimes import REGIMES, Lesson, Moment

# What the rate is meant for: 64 features, as of a ResNet for CIFAR, of about one.
SQUARED_NORM = 64.0


Layer = TypeVar("Layer", bound=nn.Module)


@dataclass(frozen=True)
class HeadRecipe:
    """How the head is trained: SGD with momentum; the rate rises linearly for some epochs.

    decays: after that, it falls to nearly zero by half a cosine; otherwise it stays.
    """

    epochs: int = 10
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 2e-4
    warmup_epochs: int = 5
    batch_size: int = 128
    decays: bool = False

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, from 0."""
        warmup = max(self.warmup_epochs, 1)
        rate = self.lr * min(1.0, (epoch + 1) / warmup)
        if self.decays and epoch >= warmup:
            over = (epoch - warmup + 1) / (self.epochs - warmup + 1)
            rate *= 0.5 * (1 + math.cos(math.pi * over))
        return rate


RECIPE = HeadRecipe()


@dataclass(frozen=True)
class HeadEpoch:
    """What one pass over the embeddings came to.

    number: from 1. loss, accuracy: means over the embeddings as they were trained on, so before the
    epoch's last steps. score: what the judge says of the layer, where there is one.
    """

    number: int
    lr: float
    loss: float
    accuracy: float
    score: float | None


@dataclass(frozen=True)
class FittedHead(Generic[Layer]):
    """A trained layer, the epoch, from 1, that it is from, and every epoch there was."""

    layer: Layer
    epoch: int
    course: Sequence[HeadEpoch]


@dataclass(frozen=True)
class Teaching(Generic[Layer]):
    """What a head learns by.

    make: the layer, from its width and the number of classes. loss: made from the samples of each
    class; None is plain cross-entropy. regime: a key of ``REGIMES``. f1: of every class on
    validation images, for a regime that asks for it. first: what the regime two-phase begins with.
    """

    make: Callable[[int, int], Layer]
    loss: Loss | None = None
    regime: str = "plain"
    f1: Callable[[Layer], Sequence[float]] | None = None
    first: FirstPhase = USUAL


def fit_head(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64] | SoftLabels,
    classes: int,
    *,
    seed: int,
    device: str,
    judge: Callable[[nn.Linear], float] | None = None,
    recipe: HeadRecipe = RECIPE,
) -> FittedHead[nn.Linear]:
    """``fit_layer``: a linear layer, by cross-entropy on every embedding in every epoch."""
    teaching = Teaching(nn.Linear)
    return fit_layer(
        embeddings,
        labels,
        classes,
        teaching,
        seed=seed,
        device=device,
        judge=judge,
        recipe=recipe,
    )


def fit_layer(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64] | SoftLabels,
    classes: int,
    teaching: Teaching[Layer],
    *,
    seed: int,
    device: str,
    judge: Callable[[Layer], float] | None = None,
    recipe: HeadRecipe = RECIPE,
) -> FittedHead[Layer]:
    """A layer trained as ``teaching`` says, the epoch it is from, and how training went.

    embeddings: [N, D]. labels: class index [N], or labels that two classes share. judge: how good a
    layer is on validation images; the best epoch is kept (tie: the earlier). Without it that is the
    last one. The layer is on the CPU, in float32.

    The embeddings are scaled as a whole to the mean square that the rate is meant for, whatever
    network they are from; the layer that is returned takes them as they are. Raises TrainingError
    where the loss is no longer finite, LossError for one that cannot take labels that are shared.
    """
    scale = math.sqrt(SQUARED_NORM / max(float(np.square(embeddings).sum(1).mean()), 1e-12))
    inputs = torch.from_numpy(embeddings).to(device) * scale
    soft = labels if isinstance(labels, SoftLabels) and labels.shared else None
    labels = labels.own if isinstance(labels, SoftLabels) else labels
    targets = _targets(labels, soft, device)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.integer(seed, "head weights"))
        head = teaching.make(embeddings.shape[1], classes)
    head.to(device)
    steps = _steps(head, teaching.loss, recipe, device, None if soft is None else classes)
    best, best_epoch, best_score = _unscaled(head, scale), 0, -math.inf
    f1: Sequence[float] | None = None
    course: list[HeadEpoch] = []
    for epoch in range(recipe.epochs):
        moment = Moment(epoch, recipe.epochs, f1, seed, teaching.first)
        lesson = REGIMES[teaching.regime].plan(labels, moment)
        _weigh(teaching.loss, lesson, labels, classes)
        for step in steps:
            step.optimiser.param_groups[0]["lr"] = recipe.rate(epoch)
        rng = seeds.generator(seed, "head", epoch)
        order = lesson.positions[rng.permutation(len(lesson.positions))]
        drawn = torch.from_numpy(order).to(device)
        passed = _pass(head, steps, inputs, targets, drawn, recipe)
        found = _unscaled(head, scale)
        f1 = None if teaching.f1 is None else teaching.f1(found)
        judged = None if judge is None else judge(found)
        course.append(HeadEpoch(epoch + 1, recipe.rate(epoch), *passed, judged))
        score = float(epoch) if judged is None else judged
        if score > best_score:
            best, best_epoch, best_score = found, epoch + 1, score
    if not all(bool(parameter.isfinite().all()) for parameter in best.parameters()):
        raise TrainingError(
            "the head's weights are no longer finite: see whether the embeddings are, or train the "
            "body again"
        )
    return FittedHead(best, best_epoch, course)


def balanced_accuracy(
    layer: nn.Linear, embeddings: NDArray[np.float32], labels: NDArray[np.int64]
) -> float:
    """The mean recall of ``layer`` on embeddings [N, D], over the classes that labels [N] has."""
    logits = embeddings @ layer.weight.numpy().T + layer.bias.numpy()
    right = logits.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


@dataclass(frozen=True)
class _Step:
    """What each batch is descended by: a loss of logits and targets, and its own optimiser."""

    loss: Callable[..., Tensor]
    optimiser: torch.optim.Optimizer


def _targets(
    labels: NDArray[np.int64], soft: SoftLabels | None, device: str
) -> Tensor | SoftTargets:
    """The labels as tensors; of two classes each where they are shared."""
    if soft is None:
        return torch.from_numpy(labels).to(device)
    parts = (soft.own, soft.other, soft.share.astype(np.float32))
    return SoftTargets(*map(torch.from_numpy, parts)).to(device)


def _steps(
    head: nn.Module, loss: Loss | None, recipe: HeadRecipe, device: str, shared: int | None
) -> list[_Step]:
    """One for each of the losses that a batch is descended by in turn.

    shared: the number of classes where labels are shared, else None.
    """

    def descend(loss: Callable[..., Tensor]) -> _Step:
        optimiser = torch.optim.SGD(
            head.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay
        )
        return _Step(loss, optimiser)

    if loss is None and shared is None:
        return [descend(cross_entropy)]
    loss = (CE([1] * (shared or 0)) if loss is None else loss).to(device)
    steps = loss.steps() if shared is None else loss.soft_steps()
    return [descend(each.loss) for each in steps]


def _weigh(loss: Loss | None, lesson: Lesson, labels: NDArray[np.int64], classes: int) -> None:
    if lesson.weighting and loss is not None and loss.weighs_classes:
        counts = np.bincount(labels, minlength=classes).tolist()
        loss.reweight(class_weights(counts, lesson.weighting))


def _pass(
    head: nn.Module,
    steps: Sequence[_Step],
    inputs: Tensor,
    targets: Tensor | SoftTargets,
    order: Tensor,
    recipe: HeadRecipe,
) -> tuple[float, float]:
    """Descend batch by batch; the mean loss and accuracy of what was shown, before each step."""
    totals = torch.zeros(2, dtype=torch.float64, device=inputs.device)
    bounds = [*range(0, len(order), recipe.batch_size), len(order)]
    for begin, end in pairwise(bounds):
        batch = order[begin:end]
        shown = inputs[batch]
        told = targets.take(batch) if isinstance(targets, SoftTargets) else targets[batch]
        own = told.own if isinstance(told, SoftTargets) else told
        for place, step in enumerate(steps):
            step.optimiser.zero_grad()
            logits = head(shown)
            loss = step.loss(logits, told)
            torch.autograd.backward(loss)
            step.optimiser.step()
            if not place:
                right = (logits.detach().argmax(dim=1) == own).sum()
                totals += torch.stack((loss.detach().double() * len(batch), right.double()))
    loss_sum, right_sum = totals.tolist()
    return loss_sum / max(len(order), 1), right_sum / max(len(order), 1)


def _unscaled(head: Layer, scale: float) -> Layer:
    """A copy, on the CPU, that takes the embeddings before they were scaled."""
    layer = deepcopy(head).cpu().requires_grad_(False)
    layer.get_parameter("weight").mul_(scale)  # which changes nothing where logits are cosines
    return layer
