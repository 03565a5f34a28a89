"""A linear head on embeddings, trained apart from the body: the third phase of EOS.

Source: Dablain et al., "Efficient Augmentation for Imbalanced Deep Learning", ICDE 2023. Imports
torch and nothing heavier.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from rebalance import seeds
from rebalance.errors import TrainingError

# What the rate is meant for: 64 features, as of a ResNet for CIFAR, of about one.
SQUARED_NORM = 64.0


@dataclass(frozen=True)
class HeadRecipe:
    """How the head is trained: SGD with momentum; the rate rises linearly for some epochs."""

    epochs: int = 10
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 2e-4
    warmup_epochs: int = 5
    batch_size: int = 128


RECIPE = HeadRecipe()


def fit_head(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: int,
    *,
    seed: int,
    device: str,
    judge: Callable[[nn.Linear], float] | None = None,
    recipe: HeadRecipe = RECIPE,
) -> tuple[nn.Linear, int]:
    """A linear layer trained by cross-entropy, and the epoch, from 1, that it is from.

    embeddings: [N, D]. labels: class index [N]. judge: how good a layer is on validation images;
    the best epoch is kept (tie: the earlier). Without it that is the last one. The layer is on the
    CPU, in float32.

    The embeddings are scaled as a whole to the mean square that the rate is meant for, whatever
    network they are from; the layer that is returned takes them as they are. Raises TrainingError
    where the loss is no longer finite.
    """
    scale = math.sqrt(SQUARED_NORM / max(float(np.square(embeddings).sum(1).mean()), 1e-12))
    inputs = torch.from_numpy(embeddings).to(device) * scale
    targets = torch.from_numpy(labels).to(device)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.integer(seed, "head weights"))
        head = nn.Linear(embeddings.shape[1], classes)
    head.to(device)
    optimiser = torch.optim.SGD(
        head.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay
    )
    best, best_epoch, best_score = _unscaled(head, scale), 0, -math.inf
    for epoch in range(recipe.epochs):
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * min(1.0, (epoch + 1) / max(recipe.warmup_epochs, 1))
        order = seeds.generator(seed, "head", epoch).permutation(len(labels))
        _pass(head, optimiser, inputs, targets, torch.from_numpy(order).to(device), recipe)
        found = _unscaled(head, scale)
        score = float(epoch) if judge is None else judge(found)
        if score > best_score:
            best, best_epoch, best_score = found, epoch + 1, score
    if not all(bool(parameter.isfinite().all()) for parameter in best.parameters()):
        raise TrainingError(
            "the head's weights are no longer finite: see whether the embeddings are, or train the "
            "body again"
        )
    return best, best_epoch


def balanced_accuracy(
    layer: nn.Linear, embeddings: NDArray[np.float32], labels: NDArray[np.int64]
) -> float:
    """The mean recall of ``layer`` on embeddings [N, D], over the classes that labels [N] has."""
    logits = embeddings @ layer.weight.numpy().T + layer.bias.numpy()
    right = logits.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def _pass(
    head: nn.Linear,
    optimiser: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    order: torch.Tensor,
    recipe: HeadRecipe,
) -> None:
    bounds = [*range(0, len(order), recipe.batch_size), len(order)]
    for begin, end in pairwise(bounds):
        batch = order[begin:end]
        optimiser.zero_grad()
        torch.autograd.backward(cross_entropy(head(inputs[batch]), targets[batch]))
        optimiser.step()


def _unscaled(head: nn.Linear, scale: float) -> nn.Linear:
    """A copy, on the CPU, that takes the embeddings before they were scaled."""
    layer = deepcopy(head).cpu().requires_grad_(False)
    layer.weight *= scale
    return layer
