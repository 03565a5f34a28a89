"""Fine-tuning a network on a folder of images: a generator of epochs.

The recipe is that of Lehmann & Ebner (VISAPP 2022), who use fastai's ``fine_tune``: the head first,
then everything, each in one cycle of the learning rate. Imports torch and torchvision; never click,
scikit-learn or umap.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.transforms import v2

from rebalance import seeds
from rebalance.dataset import Batch, ImageDataset, batches, batches_per_epoch, shuffled
from rebalance.errors import DataError, ExtractorError
from rebalance.models.devices import autocast
from rebalance.models.network import Network
from rebalance.models.transforms import Transform
from rebalance.progress import Progress, silent
from rebalance.settings import Recipe

MOMENTUM = (0.95, 0.85, 0.95)  # Adam's first beta: at the start, at the peak, at the end
SQUARE_MOMENTUM = 0.99
EPSILON = 1e-5
END_DIVISOR = 1e5  # the last rate is the peak divided by this


@dataclass(frozen=True)
class Epoch:
    """What one pass over the images came to.

    number: from 1, over both phases. phase: ``frozen`` or ``whole``. loss, accuracy: means over the
    images as they were trained on, so before the epoch's last steps. lr: the head's at the last
    step. seconds: of the pass.
    """

    number: int
    phase: str
    loss: float
    accuracy: float
    lr: float
    seconds: float


@dataclass(frozen=True)
class Phase:
    """One cycle of the learning rate.

    peaks: highest rate of each group, the stem first and the head last. rise: share of the steps
    before the peak. start_divisor: the first rate is the peak divided by this.
    """

    name: str
    epochs: int
    peaks: tuple[float, ...]
    rise: float
    start_divisor: float


def phases(recipe: Recipe, groups: int) -> list[Phase]:
    """The frozen phase, then the whole one, with a peak rate for each group of parameters.

    While the body is frozen its BatchNorm learns at a tenth of the head's rate, as in fastai.
    """
    frozen = (recipe.peak_lr / 10,) * (groups - 1) + (recipe.peak_lr,)
    head = recipe.peak_lr / 2
    steps = max(groups - 1, 1)
    whole = tuple(
        head / recipe.stem_divisor ** ((groups - 1 - group) / steps) for group in range(groups)
    )
    return [
        Phase("frozen", recipe.frozen_epochs, frozen, rise=0.99, start_divisor=25.0),
        Phase("whole", recipe.epochs, whole, rise=0.3, start_divisor=5.0),
    ]


def one_cycle(progress: float, rise: float, values: tuple[float, float, float]) -> float:
    """A value on its way from start over peak to end, along half cosines.

    progress: share of the steps that are done, in [0, 1]. rise: share at which the peak comes, in
    (0, 1). values: start, peak and end. Smith, "Super-convergence" (2018), with fastai's cosines.
    """
    start, peak, end = values
    if progress < rise:
        return _cosine(start, peak, progress / rise)
    return _cosine(peak, end, (progress - rise) / (1 - rise))


def _cosine(start: float, end: float, share: float) -> float:
    return start + (end - start) * (1 - math.cos(math.pi * share)) / 2


def paper_augmentation(size: int, flip_probability: float = 0.5) -> v2.Transform:
    """The paper's brightness, contrast, blur, shift, scale, rotation and flips, all mild.

    For uint8 images [3, size, size]; what comes into view at the borders is mirrored, not black.
    flip_probability: of a mirror image; 0 where left and right mean something.
    """
    # The farthest corner that shift, scale and rotation bring into view, and a pixel to blend with.
    margin = math.ceil(size / 4) + 1
    blur = v2.GaussianBlur(2 * max(size // 32, 1) + 1, sigma=(size / 320, size / 80))
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(flip_probability),
            v2.Pad(margin, padding_mode="reflect"),
            v2.RandomAffine(
                degrees=10,
                translate=(size / (size + 2 * margin) / 10,) * 2,
                scale=(0.9, 1.1),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.CenterCrop(size),
            v2.ColorJitter(brightness=0.2, contrast=0.2),
            v2.RandomApply([blur], p=0.2),
        ]
    )


def parameter_groups(network: Network) -> list[list[nn.Parameter]]:
    """The trainable parts from stem to head: each child of the body, then all outside the body.

    A child with no weights but those of a normalisation belongs to the child before it.
    """
    body = network.body
    groups = [list(body.parameters(recurse=False))]
    for child in body.children():
        parameters = list(child.parameters())
        if all(parameter.ndim < 2 for parameter in parameters):
            groups[-1] += parameters
        else:
            groups.append(parameters)
    known = {id(parameter) for parameter in body.parameters()}
    head = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [group for group in (*groups, head) if group]


def _optimiser(groups: Sequence[list[nn.Parameter]], weight_decay: float) -> torch.optim.AdamW:
    def part(group: int, decay: float, parameters: list[nn.Parameter]) -> dict[str, object]:
        return {"params": parameters, "weight_decay": decay, "group": group}

    parts = []
    for group, parameters in enumerate(groups):
        parts.append(part(group, weight_decay, [p for p in parameters if p.ndim > 1]))
        parts.append(part(group, 0.0, [p for p in parameters if p.ndim < 2]))
    return torch.optim.AdamW(parts, betas=(MOMENTUM[0], SQUARE_MOMENTUM), eps=EPSILON, fused=True)


def _set_rates(optimiser: torch.optim.Optimizer, phase: Phase, progress: float) -> None:
    momentum = one_cycle(progress, phase.rise, MOMENTUM)
    for part in optimiser.param_groups:
        peak = phase.peaks[part["group"]]
        cycle = (peak / phase.start_divisor, peak, peak / END_DIVISOR)
        part["lr"] = one_cycle(progress, phase.rise, cycle)
        part["betas"] = (momentum, SQUARE_MOMENTUM)


def _freeze_body(network: Network) -> None:
    """All of the body but its BatchNorm layers."""
    network.body.requires_grad_(False)
    for module in network.body.modules():
        if isinstance(module, _BatchNorm):
            module.requires_grad_(True)


def _forked_generators(device: str) -> AbstractContextManager[None]:
    """Gives the random generators their state back at the end."""
    if device == "mps":
        return torch.random.fork_rng(device_type="mps")
    return torch.random.fork_rng([torch.cuda.current_device()] if device == "cuda" else [])


@dataclass(frozen=True)
class _Trainer:
    network: Network
    transform: Transform
    optimiser: torch.optim.Optimizer
    seed: int
    device: str
    precision: str

    def epoch(
        self, number: int, phase: Phase, shares: Iterable[float], feed: Iterable[Batch]
    ) -> Epoch:
        """Train on each batch of ``feed``, when that share of the phase is done."""
        began = time.perf_counter()
        self.network.requires_grad_(True)
        if phase.name == "frozen":
            _freeze_body(self.network)
        with _forked_generators(self.device):
            torch.manual_seed(seeds.integer(self.seed, "training", number))
            loss, accuracy = self._train(phase, shares, feed)
        self.network.requires_grad_(True)
        if not math.isfinite(loss):
            raise ExtractorError(
                f"training needs a finite loss, found {loss} in epoch {number}: lower the learning "
                "rate, or train with --precision fp32"
            )
        rate = self.optimiser.param_groups[-1]["lr"]
        return Epoch(number, phase.name, loss, accuracy, rate, time.perf_counter() - began)

    def _train(
        self, phase: Phase, shares: Iterable[float], feed: Iterable[Batch]
    ) -> tuple[float, float]:
        # Summed on the device: asking for each step's value would make a GPU wait for it.
        loss = torch.zeros((), device=self.device)
        hits = torch.zeros((), device=self.device)
        seen = 0
        self.network.train()
        for share, (images, labels) in zip(shares, feed, strict=True):
            _set_rates(self.optimiser, phase, share)
            targets = labels.to(self.device, non_blocking=True)
            logits, mean_loss = self._step(images.to(self.device, non_blocking=True), targets)
            loss += mean_loss * len(labels)
            hits += (logits.argmax(1) == targets).sum()
            seen += len(labels)
        self.network.eval()
        return loss.item() / seen, hits.item() / seen

    def _step(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        self.optimiser.zero_grad()
        pixels = self.transform.normalise(images).contiguous(memory_format=torch.channels_last)
        with autocast(self.device, self.precision):
            logits = self.network(pixels)
        loss = cross_entropy(logits.float(), targets)
        torch.autograd.backward(loss)
        self.optimiser.step()
        return logits.detach(), loss.detach()


def _check(dataset: ImageDataset, recipe: Recipe) -> None:
    if len(dataset) < 2:
        raise DataError(
            f"training needs at least 2 images, found {len(dataset)}: add images to the folder"
        )
    if recipe.batch_size < 2:
        raise ExtractorError(
            f"training needs a batch_size of at least 2, found {recipe.batch_size}: "
            "BatchNorm cannot learn from one image"
        )
    if min(recipe.frozen_epochs, recipe.epochs) < 0 or recipe.frozen_epochs + recipe.epochs == 0:
        raise ExtractorError(
            f"training needs at least one epoch, found frozen_epochs={recipe.frozen_epochs} and "
            f"epochs={recipe.epochs}: raise one of them"
        )


def fine_tune(
    network: Network,
    dataset: ImageDataset,
    recipe: Recipe,
    *,
    seed: int,
    device: str,
    precision: str,
    workers: int,
    progress: Progress = silent,
) -> Iterator[Epoch]:
    """Train the network in place by cross-entropy, and tell of every epoch as it ends.

    Between epochs, and at the end, the network is on ``device``, in evaluation mode. On a CPU the
    result depends on the seed and not on ``workers``; the caller's random state is left as it was.
    Raises DataError for fewer than two images or one that cannot be read, and ExtractorError for a
    recipe without epochs or with batches of one, and when the loss is no longer finite.
    """
    _check(dataset, recipe)
    network.to(device)
    groups = parameter_groups(network)
    optimiser = _optimiser(groups, recipe.weight_decay)
    trainer = _Trainer(network, dataset.transform, optimiser, seed, device, precision)
    dataset.hold(workers, progress)
    plan = [
        (phase, epoch) for phase in phases(recipe, len(groups)) for epoch in range(phase.epochs)
    ]
    keys = shuffled(len(dataset), len(plan), recipe.batch_size, seed)
    feed = batches(dataset, keys, workers, pin=device == "cuda")
    steps = batches_per_epoch(len(dataset), recipe.batch_size)
    for number, (phase, epoch) in enumerate(plan, start=1):
        shares = [(epoch + step / steps) / phase.epochs for step in range(steps)]
        shown = progress(
            islice(feed, steps),
            total=steps,
            what=f"training, epoch {number} of {len(plan)}",
            unit="batches",
        )
        yield trainer.epoch(number, phase, shares, shown)
