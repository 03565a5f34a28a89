"""The generator of epochs. Imports torch; never torchvision, click, scikit-learn or umap."""

import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from rebalance.errors import SettingError
from rebalance.losses import ClassCounts, Loss, class_weights
from rebalance.losses.arguments import counts_of
from rebalance.losses.cross_entropy import CE
from rebalance.losses.loss import Answers
from rebalance.models.heads import output_width
from rebalance.models.network import Network
from rebalance.progress import Progress, silent
from rebalance.settings import Recipe
from rebalance.training.checks import check_labels, check_loss, check_names, check_sizes
from rebalance.training.dataset import Batch, ImageDataset
from rebalance.training.epochs import EpochFeed
from rebalance.training.first_phase import USUAL, FirstPhase
from rebalance.training.mixing import mix_of
from rebalance.training.optimisers import parameter_groups
from rebalance.training.replicas import replicas
from rebalance.training.sampling import Division
from rebalance.training.schedules import Phase, phases
from rebalance.training.trainer import Trainer, objectives

Validate = Callable[[Network], Sequence[float]]  # the F1 of every class on validation images
Study = Callable[[Network], Answers]  # what the network says of the images that a loss learns from


class _State(TypedDict):
    epoch: int
    network: dict[str, Tensor]
    optimisers: list[dict[str, Any]]
    f1: list[float] | None


class State(_State, total=False):
    """All that training needs to go on: tensors, numbers, text, and containers of them.

    epoch: how many are over. optimisers: one, or two for complement objective training. f1: of
    every class on the validation images, where there are any. loss: what it has learned; absent
    from states of early versions.
    """

    loss: dict[str, Tensor]


@dataclass(frozen=True)
class Epoch:
    """What one pass over the images came to.

    number: from 1, over both phases. phase: ``frozen`` or ``whole``. loss, accuracy: means over the
    images as they were trained on, so before the epoch's last steps. lr: the head's at the last
    step. seconds: of the pass. f1: of every class on the validation images, where there are any.
    state: makes the state to resume from, a copy; to be called before the next epoch is asked for.
    """

    number: int
    phase: str
    loss: float
    accuracy: float
    lr: float
    seconds: float
    f1: tuple[float, ...] | None
    state: Callable[[], State] = field(repr=False, compare=False)

    def __str__(self) -> str:
        """For the log."""
        return (
            f"epoch {self.number}, {self.phase}: loss {self.loss:.3f}, "
            f"accuracy {self.accuracy:.3f}, {self.seconds:.1f} s"
        )


@dataclass(frozen=True)
class _Run:
    trainer: Trainer
    course: EpochFeed
    plan: Sequence[tuple[Phase, int]]
    loss: Loss
    counts: ClassCounts
    study: Study | None
    validate: Validate | None
    progress: Progress

    def epoch(self, index: int, feed: Iterator[Batch]) -> Epoch:
        """Train for the epoch ``index``, from 0, on what ``feed`` gives."""
        began = time.perf_counter()
        phase, begun = self.plan[index]
        lesson = self.course.lesson(index)
        if lesson.weighting and self.loss.weighs_classes:
            self.loss.reweight(class_weights(self.counts, lesson.weighting))
        if self.study is not None:
            self.loss.learn(self.study(self.trainer.network))
        steps = self.course.division.steps(len(lesson.positions))
        passes = sum(passes for _, passes in steps)
        shown = self.progress(
            islice(feed, passes),
            total=passes,
            what=f"training, epoch {index + 1} of {len(self.plan)}",
            unit="batches",
        )
        loss, accuracy = self.trainer.epoch(index + 1, phase, begun, steps, shown)
        seconds = time.perf_counter() - began
        self._judge()
        rate = self.trainer.objectives[0].optimiser.param_groups[-1]["lr"]
        f1 = None if self.course.f1 is None else tuple(self.course.f1)
        state = partial(self._state, index + 1)
        return Epoch(index + 1, phase.name, loss, accuracy, rate, seconds, f1, state)

    def resume(self, start: State) -> None:
        """Be as when ``start`` was made. Raises SettingError for a state of another run."""
        optimisers = [objective.optimiser for objective in self.trainer.objectives]
        try:
            self.trainer.network.load_state_dict(start["network"])
            for optimiser, state in zip(optimisers, start["optimisers"], strict=True):
                optimiser.load_state_dict(deepcopy(state))
            self.loss.load_state_dict(start.get("loss", self.loss.state_dict()))
            self.course.f1 = start["f1"]
            if not isinstance(start["f1"], list | None) or not isinstance(start["epoch"], int):
                raise TypeError("its progress is of other types")
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise SettingError(
                "training goes on from a state of the same network, loss and recipe, and this one "
                f"does not fit ({str(error).splitlines()[0]}): start anew"
            ) from error

    def _judge(self) -> None:
        if self.validate is not None:
            network = self.trainer.network
            found = [float(value) for value in self.validate(network)]
            network.eval()
            self.course.f1 = self.trainer.replicas.from_first(found)

    def _state(self, over: int) -> State:
        optimisers = [objective.optimiser for objective in self.trainer.objectives]
        return deepcopy(
            State(
                epoch=over,
                network=dict(self.trainer.network.state_dict()),
                optimisers=[optimiser.state_dict() for optimiser in optimisers],
                f1=self.course.f1,
                loss=dict(self.loss.state_dict()),
            )
        )


def fit(
    network: Network,
    dataset: ImageDataset,
    loss: Loss,
    recipe: Recipe,
    *,
    sampler: str = "none",
    regime: str = "plain",
    first: FirstPhase = USUAL,
    counts: ClassCounts,
    seed: int,
    device: str,
    precision: str,
    workers: int,
    validate: Validate | None = None,
    study: Study | None = None,
    start: State | None = None,
    progress: Progress = silent,
) -> Iterator[Epoch]:
    """Train the network in place, and tell of every epoch as it ends.

    sampler: a key of ``SAMPLERS``. regime: a key of ``REGIMES``. first: what two-phase begins with.
    counts: training images of each class, by which drw weighs them and Remix tells the smaller one.
    validate: called after every epoch. study: called before every epoch, where the loss learns from
    what it gives. start: what ``Epoch.state`` gave, to go on from; with everything else as it was,
    the weights end, on a CPU, as if training had not stopped. The augmentation is the dataset's.

    Between epochs, and at the end, the network is on ``device``, in evaluation mode. On a CPU the
    result depends on the seed and not on ``workers``; the caller's random state is left as it was.
    Where torch.distributed has been initialised, every process calls this alike and they share the
    batches: see ``replicas``. Raises SettingError for an unknown name, choices that do not go
    together and a ``start`` that does not fit; DataError for fewer than two images or one that
    cannot be read; TrainingError for a recipe without epochs or with too small batches, and when
    the loss is no longer finite.
    """
    together = replicas()
    division = Division(recipe.batch_size, recipe.grad_accum, together.rank, together.world)
    check_names(recipe, sampler, regime)
    check_sizes(len(dataset), recipe, division)
    check_loss(loss, network, regime, validated=validate is not None, studied=study is not None)
    mix = mix_of(recipe.mix)
    softly = check_labels(loss, mix, shared=bool(dataset.shares))
    network.to(device)
    loss.to(device)
    together.begin_alike(network)
    trainer = Trainer(
        network,
        dataset,
        objectives(network, loss.soft_steps() if softly else loss.steps(), recipe),
        loss.takes_embeddings,
        loss.learns_from_training,
        recipe,
        seed,
        device,
        precision,
        together,
        mix,
        torch.tensor(counts_of(counts), device=device),
    )
    plan = [
        (phase, epoch)
        for phase in phases(recipe, len(parameter_groups(network)))
        for epoch in range(phase.epochs)
    ]
    course = EpochFeed(
        dataset.labels,
        sampler=sampler,
        regime=regime,
        epochs=len(plan),
        division=division,
        seed=seed,
        first=first,
        mix=mix,
    )
    watched = silent if together.rank else progress
    run = _Run(trainer, course, plan, loss, counts, study, validate, watched)
    if start is not None:
        run.resume(start)
    over = 0 if start is None else start["epoch"]
    dataset.hold(workers, device, watched)
    feed = course.feed(dataset, over, workers, pin=device == "cuda")
    for index in range(over, len(plan)):
        yield run.epoch(index, feed)


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
    """``fit`` by cross-entropy, on every image in every epoch."""
    classes = output_width(network)
    counts = np.bincount(dataset.labels, minlength=classes).tolist()
    return fit(
        network,
        dataset,
        CE(counts),
        recipe,
        counts=counts,
        seed=seed,
        device=device,
        precision=precision,
        workers=workers,
        progress=progress,
    )
