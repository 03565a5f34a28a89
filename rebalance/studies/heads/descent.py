"""A head by stochastic gradient descent, with any loss and regime. Imports torch when it trains."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.metrics import as_predictions
from rebalance.metrics.scores import class_f1
from rebalance.studies.heads.task import Fitted, Task
from rebalance.studies.sides import Float32s, Side
from rebalance.training.first_phase import FirstPhase
from rebalance.training.regimes import REGIMES, Moment

if TYPE_CHECKING:
    from torch import nn

    from rebalance.losses import Loss
    from rebalance.training.head import HeadRecipe, Teaching

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


def descend(task: Task) -> Fitted:
    """Train a head on standardised features, by the loss and the regime of its treatment."""
    from rebalance.training.head import fit_layer

    side, loss, regime = task.side, task.loss, task.definition.regime
    plan, first = REGIMES[regime.key], FirstPhase(**dict(regime.options))
    inputs, labels = side.samples(task.chosen), side.labels(task.chosen)
    classes = side.part.classes
    features, asked = task.asked
    heard = _Heard(loss, side.scaled(features), asked, classes)
    recipe = head_recipe(len(inputs))
    if plan.has_first_phase:
        counts = np.bincount(labels.own, minlength=len(classes)).tolist()
        first.check(dict(zip(classes, counts, strict=True)), recipe.epochs)
    teaching = _teaching(loss, regime.key, heard, first)
    layer = fit_layer(
        inputs, labels, len(classes), teaching, seed=task.stream, device="cpu", recipe=recipe
    ).layer
    last = Moment(recipe.epochs - 1, recipe.epochs, heard.before, task.stream, first)
    shown = plan.plan(labels.own, last).positions
    return Fitted(partial(_said_of, side, layer, loss), labels.take(shown).amounts(len(classes)))


class _Heard:
    """The F1 of every class, asked of a head after each epoch."""

    def __init__(
        self, loss: "Loss", inputs: Float32s, labels: NDArray[np.int64], classes: Sequence[str]
    ) -> None:
        self.loss, self.inputs, self.labels, self.classes = loss, inputs, labels, classes
        self.before: list[float] | None = None  # what the last epoch began with
        self._last: list[float] | None = None

    def __call__(self, layer: "nn.Module") -> list[float]:
        found = as_predictions(self.labels, _said(layer, self.loss, self.inputs), self.classes)
        self.before = self._last
        self._last = [float(value) for value in np.nan_to_num(class_f1(found))]
        return self._last


def _teaching(loss: "Loss", regime: str, heard: _Heard, first: FirstPhase) -> "Teaching[Any]":
    from torch import nn

    from rebalance.models.cosine import CosineLinear
    from rebalance.training.head import Teaching

    make = CosineLinear if loss.takes_cosines else nn.Linear
    return Teaching(make, loss, regime, heard if REGIMES[regime].needs_f1 else None, first)


def _said_of(
    side: Side, layer: "nn.Module", loss: "Loss", features: NDArray[Any]
) -> NDArray[np.float64]:
    return _said(layer, loss, side.scaled(features))


def _said(layer: "nn.Module", loss: "Loss", inputs: Float32s) -> NDArray[np.float64]:
    """The probabilities [N, K] that a head gives to scaled features, as its loss has them."""
    import torch

    with torch.inference_mode():
        logits = layer(torch.from_numpy(inputs)).double()
        found: NDArray[np.float64] = loss.probabilities(logits).numpy()
    return found
