"""The cells of depth ``probe``: a head on the features of an extractor that stays as it is.

Imports torch only to train; never click.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.losses import make_loss
from rebalance.metrics import as_predictions
from rebalance.metrics.scores import class_f1
from rebalance.numerics.standardisation import Matrix
from rebalance.oversampling import synthesise
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.resampling import Population
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.evaluation import warn_of_idle
from rebalance.studies.outcomes import Outcome
from rebalance.studies.plan import Cell, Choice, Definition
from rebalance.studies.rebalanced import Clusterings, Rebalanced, alike, rebalance
from rebalance.studies.rebalancings import LAYER, Rebalancing
from rebalance.studies.scoring import decide, rule_of, scores
from rebalance.studies.setup import Setup, stream_of
from rebalance.training.first_phase import FirstPhase
from rebalance.training.regimes import REGIMES, Moment

if TYPE_CHECKING:
    from torch import nn

    from rebalance.losses import Loss
    from rebalance.training.head import HeadRecipe, Teaching

Float32s = NDArray[np.float32]

# Measured against scikit-learn's logistic regression: see tests/test_studies_probe.py.
LEAST_EPOCHS = 30
LEAST_STEPS = 300  # a few images make short epochs: they get more of them
WARMUP = 0.1  # share of the epochs


def head_recipe(samples: int) -> "HeadRecipe":
    """Return how a head learns from so many samples: until it is done, however few they are."""
    from rebalance.training.head import HeadRecipe

    plain = HeadRecipe(epochs=LEAST_EPOCHS, lr=0.2, weight_decay=5e-4, decays=True)
    epochs = max(plain.epochs, math.ceil(LEAST_STEPS / math.ceil(samples / plain.batch_size)))
    return replace(plain, epochs=epochs, warmup_epochs=round(WARMUP * epochs))


def outcomes(setup: Setup, cells: Sequence[Cell]) -> Iterator[Outcome]:
    """Yield the outcomes of cells that share a seed and a fold, as each is finished."""
    block = Block(setup, cells[0].seed, cells[0].fold)
    for cell in cells:
        yield block.outcome(cell, setup.cells.definitions[cell.treatment])


@dataclass(frozen=True, eq=False)
class Taught:
    """What one head came to. validated, tested: probabilities [V, K] and [T, K].

    amounts: how much of each class its training saw.
    """

    validated: NDArray[np.float64]
    tested: NDArray[np.float64] | None
    amounts: Amounts
    images: int
    samples: int
    seconds: float


class Block:
    """One seed and one fold: what its treatments share is computed once.

    A cell's seconds are those that it would take alone, but for reading and scaling features.
    """

    def __init__(self, setup: Setup, seed: int, fold: int) -> None:
        self.setup, self.seed, self.fold = setup, seed, fold
        self.stream = stream_of(seed, fold)
        self.trained, self.validated = setup.sides(seed, fold)
        self.view = setup.views[seed, fold]
        self._sides: dict[bool, Side] = {}
        self._taught: dict[Any, Taught] = {}

    def outcome(self, cell: Cell, definition: Definition) -> Outcome:
        """Raises what rebalancing and training raise."""
        if definition.taught not in self._taught:
            self._taught[definition.taught] = self._teach(*definition.taught)
        found = self._taught[definition.taught]
        began = time.perf_counter()
        labels, classes = self.setup.labels, self.setup.images.classes
        rule = rule_of(definition, found.amounts)
        warn_of_idle(rule)
        decided = decide(found.validated, rule)
        metrics = scores(labels[self.validated], decided, classes)
        test = None
        if found.tested is not None and self.setup.test is not None:
            decided = decide(found.tested, rule)
            test = scores(self.setup.test.labels, decided, classes)
        seconds = found.seconds + time.perf_counter() - began
        return Outcome(
            cell.treatment,
            self.seed,
            self.fold,
            metrics,
            test,
            found.images,
            found.samples,
            seconds,
        )

    def _side(self, *, inner: bool) -> "Side":
        """Return what is trained on.

        All of the training part, or what a regime's validation leaves.
        """
        if inner not in self._sides:
            trained = self.trained
            asked = trained[:0]
            if inner:
                trained, asked = self.setup.inner_sides(trained, self.stream)
            self._sides[inner] = Side(self.setup.part(self.seed, self.fold, trained), asked)
        return self._sides[inner]

    def _seen(self, positions: NDArray[np.intp]) -> NDArray[Any]:
        """The features [n, D] of images of the study."""
        return _whole(self.view.layers[LAYER].take(positions))

    @cached_property
    def _validation(self) -> NDArray[Any]:
        return self._seen(self.validated)

    @cached_property
    def _test(self) -> NDArray[Any] | None:
        return None if self.view.tested is None else _whole(self.view.tested)

    def _teach(self, rebalancing: Rebalancing, loss: Choice, regime: Choice) -> Taught:
        from rebalance.training.head import fit_layer

        plan, first = REGIMES[regime.key], FirstPhase(**dict(regime.options))
        side = self._side(inner=plan.needs_f1)
        chosen, before = side.rebalanced(rebalancing)
        began = time.perf_counter()
        inputs, labels = side.samples(chosen)
        classes = side.part.classes
        counts = np.bincount(labels.own, minlength=len(classes)).tolist()
        named = dict(zip(classes, counts, strict=True))
        made = make_loss(loss.key, named, dict(loss.options))
        asked = side.scaled(self._seen(side.asked))
        heard = _Heard(made, asked, self.setup.labels[side.asked], classes)
        recipe = head_recipe(len(inputs))
        if plan.has_first_phase:
            first.check(named, recipe.epochs)
        teaching = _teaching(made, regime.key, heard, first)
        layer = fit_layer(
            inputs, labels, len(classes), teaching, seed=self.stream, device="cpu", recipe=recipe
        ).layer
        last = Moment(recipe.epochs - 1, recipe.epochs, heard.before, self.stream, first)
        shown = plan.plan(labels.own, last).positions
        draws = labels.take(shown).amounts(len(classes))
        folder = [float(count) for count in side.part.counts.values()]
        tested = None if self._test is None else said(layer, made, side.scaled(self._test))
        return Taught(
            said(layer, made, side.scaled(self._validation)),
            tested,
            Amounts(draws, made.weights_of_classes(), folder),
            len(chosen.kept),
            len(inputs),
            before + time.perf_counter() - began,
        )


def _whole(features: Matrix) -> NDArray[Any]:
    return features.read(slice(None), slice(None))


class Side:
    """The images of a block that are learned from, and how their features are scaled.

    part: those images. asked: positions in the study of those that a regime is validated on.
    """

    def __init__(self, part: Population, asked: NDArray[np.intp]) -> None:
        self.part, self.asked = part, asked
        self._clusterings = Clusterings(part)
        self._known: dict[Rebalancing, tuple[Rebalanced, float]] = {}

    def rebalanced(self, rebalancing: Rebalancing) -> tuple[Rebalanced, float]:
        """Return what becomes of the part, and the seconds that it takes by itself."""
        if rebalancing not in self._known:
            like = None if rebalancing.like is None else self.rebalanced(rebalancing.like)[0]
            began, known = time.perf_counter(), self._clusterings.spared
            if like is None:
                found = rebalance(self.part, rebalancing, self._clusterings)
            else:
                found = alike(self.part, like)
            spared = self._clusterings.spared - known
            self._known[rebalancing] = found, time.perf_counter() - began + spared
        return self._known[rebalancing]

    def samples(self, chosen: Rebalanced) -> tuple[Float32s, SoftLabels]:
        """The scaled features of what is kept and added, and their labels."""
        kept, labels = self._inputs[chosen.kept], self.part.labels[chosen.kept]
        added = synthesise(kept, chosen.added)
        return np.concatenate([kept, added]), SoftLabels.plain(labels).joined(
            chosen.added.labelled(labels)
        )

    def scaled(self, features: NDArray[Any]) -> Float32s:
        """Standardised by the mean and the deviation of the part, before it is rebalanced."""
        mean, deviation = self._moments
        return (features.astype(np.float32) - mean) / deviation

    @cached_property
    def _inputs(self) -> Float32s:
        return self.scaled(self.part.features(LAYER))

    @cached_property
    def _moments(self) -> tuple[Float32s, Float32s]:
        features = self.part.features(LAYER)
        deviation = features.std(axis=0)
        return features.mean(axis=0), np.where(deviation > 0, deviation, np.float32(1))


class _Heard:
    """How a head does on images asked about after each epoch: F1 of every class."""

    def __init__(
        self, loss: "Loss", inputs: Float32s, labels: NDArray[np.int64], classes: Sequence[str]
    ) -> None:
        self.loss, self.inputs, self.labels, self.classes = loss, inputs, labels, classes
        self.before: list[float] | None = None  # what the last epoch began with
        self._last: list[float] | None = None

    def __call__(self, layer: "nn.Module") -> list[float]:
        found = as_predictions(self.labels, said(layer, self.loss, self.inputs), self.classes)
        self.before = self._last
        self._last = [float(value) for value in np.nan_to_num(class_f1(found))]
        return self._last


def _teaching(loss: "Loss", regime: str, heard: _Heard, first: FirstPhase) -> "Teaching[Any]":
    from torch import nn

    from rebalance.models.cosine import CosineLinear
    from rebalance.training.head import Teaching

    make = CosineLinear if loss.takes_cosines else nn.Linear
    return Teaching(make, loss, regime, heard if REGIMES[regime].needs_f1 else None, first)


def said(layer: "nn.Module", loss: "Loss", inputs: Float32s) -> NDArray[np.float64]:
    """The probabilities [N, K] that a head gives to scaled features, as its loss has them."""
    import torch

    with torch.inference_mode():
        logits = layer(torch.from_numpy(inputs)).double()
        found: NDArray[np.float64] = loss.probabilities(logits).numpy()
    return found
