"""One pass over an epoch's batches: forward, backward, step. Imports torch and nothing heavier."""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from rebalance import seeds
from rebalance.errors import TrainingError
from rebalance.losses.loss import Descent, SoftTargets, at_least_tiny
from rebalance.models.devices import autocast
from rebalance.models.network import Network
from rebalance.settings import Recipe
from rebalance.training.dataset import Batch, ImageDataset, Pairs
from rebalance.training.mixing import Mix
from rebalance.training.optimisers import OPTIMISERS, freeze_body, parameter_groups, set_rates
from rebalance.training.replicas import Replicas
from rebalance.training.schedules import Phase
from rebalance.training.synchronised import synchronised

Targets = Tensor | SoftTargets
CHECK_EVERY = 50  # steps; to ask for a loss makes a GPU wait for it


class Objective(NamedTuple):
    """A loss that a batch is descended by, and the optimiser that it steps with."""

    descent: Descent
    optimiser: torch.optim.Optimizer


class Shown(NamedTuple):
    """The images of a forward pass as the network sees them, their labels and their positions."""

    pixels: Tensor
    targets: Targets
    positions: Tensor


class Means(NamedTuple):
    """The means over an epoch, of the images as they were trained on."""

    loss: float
    accuracy: float


def objectives(network: Network, steps: Iterable[Descent], recipe: Recipe) -> tuple[Objective, ...]:
    """Return what each step does in turn, for the losses that a batch is descended by.

    Each has an optimiser, and so a momentum, of its own: complement objective training takes two
    (Chen et al. 2019, algorithm 1).
    """
    groups = parameter_groups(network)
    optimiser = OPTIMISERS[recipe.optimiser]
    return tuple(Objective(each, optimiser(groups, recipe.weight_decay)) for each in steps)


@dataclass(frozen=True)
class Trainer:
    """What stays the same from epoch to epoch.

    embeds: the losses take the embeddings too, which the last layer sees. places: and, after them,
    the positions of the batch's images in the dataset. mix: how images are mixed. counts: training
    images of each class [K], on the device.
    """

    network: Network
    dataset: ImageDataset
    objectives: tuple[Objective, ...]
    embeds: bool
    places: bool
    recipe: Recipe
    seed: int
    device: str
    precision: str
    replicas: Replicas
    mix: Mix
    counts: Tensor

    def epoch(
        self,
        number: int,
        phase: Phase,
        begun: int,
        steps: Sequence[tuple[int, int]],
        feed: Iterable[Batch],
    ) -> Means:
        """Train on what ``feed`` gives, after ``begun`` epochs of the phase.

        steps: the images and the forward passes of each. Leaves the network in evaluation mode, and
        the random state as it was. Raises TrainingError for a loss that is not finite.
        """
        self.network.requires_grad_(True)
        if phase.name == "frozen":
            freeze_body(self.network)
        try:
            with _forked_generators(self.device):
                torch.manual_seed(seeds.integer(self.seed, "training", number))
                return self._train(number, phase, begun, steps, feed)
        finally:
            self.network.requires_grad_(True)
            self.network.eval()

    def _train(
        self,
        number: int,
        phase: Phase,
        begun: int,
        steps: Sequence[tuple[int, int]],
        feed: Iterable[Batch],
    ) -> Means:
        hits = torch.zeros((), device=self.device)
        losses: list[float] = []
        pending: list[Tensor] = []
        batches = iter(feed)
        self.network.train()
        for step, (images, passes) in enumerate(steps):
            for _, optimiser in self.objectives:
                set_rates(optimiser, begun + step / len(steps), phase, self.recipe)
            parts = [self._shown(batch) for batch in islice(batches, passes)]
            loss, right = self._step(parts, images)
            hits += right
            pending.append(loss)
            if len(pending) == CHECK_EVERY or step + 1 == len(steps):
                losses += self._finite(pending, number, begins=step + 2 - len(pending))
                pending = []
        next(batches, None)  # what shows the progress learns that this is the end
        sizes = [images for images, _ in steps]
        total = math.fsum(loss * size for loss, size in zip(losses, sizes, strict=True))
        right_of_all = self.replicas.total(hits).item()
        return Means(total / sum(sizes), right_of_all / sum(sizes))

    def _shown(self, batch: Batch) -> Shown:
        """The images, varied and normalised, and what is known of them."""
        images, labels = (tensor.to(self.device, non_blocking=True) for tensor in batch[:2])
        varied = self.dataset.augmentation(images, batch.draws)
        pixels = self.dataset.transform.normalise(varied)
        told: Targets = labels
        if self.dataset.shares:
            told = SoftTargets(batch.labels, batch.others, batch.shares).to(self.device)
        if batch.pairs is not None:
            pixels, told = self._mixed(pixels, labels, batch.pairs)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return Shown(pixels, told, batch.positions.to(self.device))

    def _mixed(self, pixels: Tensor, labels: Tensor, pairs: Pairs) -> tuple[Tensor, SoftTargets]:
        partners, numbers = (part.to(self.device) for part in pairs)
        alone = pixels[: len(partners)], labels[: len(partners)]
        mixed, own = self.mix.mixed(alone[0], pixels[partners], numbers)
        label, other = alone[1], labels[partners]
        own = self.mix.own_share(own, self.counts[label], self.counts[other])
        return mixed, SoftTargets(label, other, 1 - own)

    def _step(self, batches: Sequence[Shown], images: int) -> tuple[Tensor, Tensor]:
        """The first objective's loss and right answers, which the later steps do not change."""
        found = [self._descend(objective, batches, images) for objective in self.objectives]
        return found[0]

    def _descend(
        self, objective: Objective, batches: Sequence[Shown], images: int
    ) -> tuple[Tensor, Tensor]:
        """One step of the optimiser; this process's part of the mean loss, and its hits."""
        objective.optimiser.zero_grad()
        shares = self._shares(objective.descent, [shown.targets for shown in batches])
        mean = torch.zeros((), device=self.device)
        hits = torch.zeros((), device=self.device)
        for part, (pixels, targets, positions) in enumerate(batches):
            rows = len(range(part, images, len(batches)))
            logits, *others = self._forward(pixels, rows)
            if self.places:
                others.append(positions)
            loss = objective.descent.loss(logits, targets, *others) * shares[part]
            torch.autograd.backward(loss)
            mean += loss.detach()
            hits += _hits(logits.detach().argmax(1), targets)
        self.replicas.sum_gradients(self.network.parameters())
        objective.optimiser.step()
        return mean, hits

    def _shares(self, descent: Descent, parts: Sequence[Targets]) -> Tensor:
        """How much of the step's mean loss each part is, of all the parts of all processes."""
        amounts = torch.stack([descent.amount(targets) for targets in parts])
        return amounts / at_least_tiny(self.replicas.total(amounts.sum()))

    def _forward(self, pixels: Tensor, rows: int) -> tuple[Tensor, ...]:
        """Logits and, where they are taken, embeddings; ``rows`` images over all processes."""
        united_layers = synchronised(self.network, self.replicas, rows)
        with autocast(self.device, self.precision), united_layers:
            if not self.embeds:
                return (self.network(pixels).float(),)
            logits, embeddings = self.network.answer(pixels)
            return logits.float(), embeddings

    def _finite(self, losses: list[Tensor], number: int, begins: int) -> list[float]:
        """The losses of steps from ``begins`` on, over all processes."""
        values: list[float] = self.replicas.total(torch.stack(losses)).tolist()
        for step, value in enumerate(values, start=begins):
            if not math.isfinite(value):
                raise TrainingError(
                    f"training needs a finite loss, found {value} in epoch {number} at step "
                    f"{step}: lower the learning rate, or train with --precision fp32"
                )
        return values


def _hits(found: Tensor, targets: Targets) -> Tensor:
    """How many labels were found, a scalar: of one that classes share, as much as the class has."""
    if not isinstance(targets, SoftTargets):
        return (found == targets).sum()
    right, partly = found == targets.own, found == targets.other
    return (right * (1 - targets.share) + partly * targets.share).sum()


def _forked_generators(device: str) -> AbstractContextManager[None]:
    """Gives the random generators their state back at the end."""
    if device == "mps":
        return torch.random.fork_rng(device_type="mps")
    return torch.random.fork_rng([torch.cuda.current_device()] if device == "cuda" else [])
