"""A head fitted by a row, its penalty and temperature chosen on folds, and what it scores."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from benchmarks.heads.images import FOLDS, Features, Floats, Images, Training
from benchmarks.heads.soft import fit_soft
from benchmarks.heads.treatments import Row
from rebalance.heads.comparison import best_scale
from rebalance.heads.linear import Linear
from rebalance.heads.scaling import Scaling, whitening
from rebalance.metrics import METRICS, as_predictions
from rebalance.scoring.temperature import tempered

PENALTIES = tuple(10.0 ** (-power / 2) for power in range(9))
BLOCK = 4096  # samples scaled at once
DONE = 1e-4  # slope at which a head is: lower ones move the scores by less than a thousandth
SHOWN = ("balanced_accuracy", "worst_recall", "ece_balanced")


@dataclass(frozen=True, eq=False)
class Fitting:
    """What heads of several penalties are fitted on: a training, in the space of the images.

    The images themselves say how features are scaled, turned and whitened; what a treatment makes
    of them lies in the same space, so that rows differ in nothing but the treatment.
    """

    row: Row
    training: Training
    scaling: Scaling
    inputs: Features

    @classmethod
    def of(cls, row: Row, images: Images, seed: int) -> "Fitting":
        """Treat the images as the row says."""
        scaling = images.scaling
        if row.whiten:
            turn = whitening(scaling(images.features), images.labels, row.whiten)
            scaling = scaling.followed_by(turn)
        training = row(images, seed)
        blocks = np.array_split(training.features, 1 + len(training.features) // BLOCK)
        inputs = np.concatenate([scaling(block).astype(np.float32) for block in blocks])
        return cls(row, training, scaling, inputs)

    def fit(self, penalty: float, start: Linear | None = None) -> Linear:
        """The head of a penalty."""
        return fit_soft(self.inputs, self.training.mass, penalty, start=start, tolerance=DONE)

    def logits(self, head: Linear, features: Features) -> Floats:
        """What a head says of features [N, D], divided by the prior where the row says so."""
        said = head.logits(self.scaling(features))
        return said - np.log(self.training.prior) if self.row.prior else said


@dataclass(frozen=True)
class Chosen:
    """What folds of the training images chose: a penalty, and a temperature of what it says."""

    penalty: float
    temperature: float


def chosen(row: Row, images: Images) -> Chosen:
    """The penalty of least loss on images that it did not see, at the temperature of least loss.

    All classes count alike, and the head decides as the row says. At its temperature: labels that
    classes share make a head less sure than it is right, which a low penalty would only hide. Lower
    penalties are tried until one does worse.
    """
    fittings = [Fitting.of(row, seen, 0) for seen, _ in images.folds]
    heads: list[Linear | None] = [None] * FOLDS
    best, least = Chosen(PENALTIES[0], 1.0), np.inf
    for penalty in PENALTIES:
        said = np.empty((len(images.labels), len(images.sizes)))
        for place, (fitting, (_, out)) in enumerate(zip(fittings, images.folds, strict=True)):
            heads[place] = head = fitting.fit(penalty, heads[place])
            said[out] = fitting.logits(head, images.features[out])
        scale, loss = best_scale(said, images.labels)
        if loss > least:
            break
        best, least = Chosen(penalty, 1 / scale), loss
    return best


def scored(
    row: Row, by: Chosen, images: Images, test: Images, classes: tuple[str, ...], seed: int
) -> list[float]:
    """The metrics ``SHOWN`` of a head, and the last of them at the chosen temperature."""
    fitting = Fitting.of(row, images, seed)
    logits = fitting.logits(fitting.fit(by.penalty), test.features)
    probabilities = np.exp(log_softmax(logits, axis=1))
    found = as_predictions(test.labels, probabilities, classes)
    calm = as_predictions(test.labels, tempered(probabilities, by.temperature), classes)
    return [*(METRICS[name](found) for name in SHOWN), METRICS[SHOWN[-1]](calm)]
