"""What a study tries, and what came of one try. May not import numpy, torch or click."""

from collections.abc import Mapping
from dataclasses import dataclass

BY_CLASS = "recall:"  # what the metric of one class is called by, before the class's name
SGD = "sgd"  # how a head is trained unless a study says otherwise
BY_HEAD = "head"  # what decides unless a study says otherwise
UNMIXED = "none"  # images of a step that are not mixed, unless ``[training]`` says otherwise


@dataclass(frozen=True, order=True)
class Treatment:
    """One way of dealing with imbalance: a row of the study's table.

    Names that the study gives them. rebalance: what is done to the training images; ``none`` leaves
    them. loss: a key of ``losses.LOSSES``, or that with options. regime: a key of
    ``training.regimes.REGIMES``. threshold: a key of ``scoring.THRESHOLDS``, with a file for
    ``cost``. head: a key of ``studies.heads.HEADS``, or that with options. mix: a key of
    ``training.mixing.MIXES``, or that with options. classifier: a key of
    ``scoring.classifiers.CLASSIFIERS``, or that with options.
    """

    rebalance: str = "none"
    loss: str = "ce"
    regime: str = "plain"
    threshold: str = "none"
    head: str = SGD
    mix: str = UNMIXED
    classifier: str = BY_HEAD

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order; the last three only where they are not the ones there once were."""
        head = () if self.head == SGD else (self.head,)
        mix = () if self.mix == UNMIXED else (f"mix={self.mix}",)
        by = () if self.classifier == BY_HEAD else (f"by {self.classifier}",)
        return (self.rebalance, self.loss, self.regime, self.threshold, *head, *mix, *by)

    @property
    def stream(self) -> str:
        """What a probe's random numbers are drawn by; as before there were heads for ``SGD``."""
        parts = ("rebalance", "loss", "regime", "threshold", "head")
        told = (f"{part}={name!r}" for part, name in zip(parts, self.names, strict=False))
        return f"Treatment({', '.join(told)})"


@dataclass(frozen=True)
class Outcome:
    """How one treatment did with one seed on one fold.

    metrics: on the fold's own validation images, by name; NaN where a metric is not defined there.
    test: the same on the test images, which nothing was chosen by; None where the study has none.
    images: different images trained on. samples: rows trained on in an epoch, repetitions and
    blends counted. seconds: of rebalancing, training and scoring.
    """

    treatment: Treatment
    seed: int
    fold: int
    metrics: Mapping[str, float]
    test: Mapping[str, float] | None
    images: int
    samples: int
    seconds: float


@dataclass(frozen=True)
class Controls:
    """What a treatment is compared with, pair by pair of seed and fold.

    nothing: the images as they are, cross-entropy, no regime, no threshold, and the first head that
    the study names. random: the same
    treatment with its images picked or repeated at random, to the same sizes; None where the
    treatment does not change the images, or is itself a control. prior: the images as they are,
    cross-entropy and the threshold ``prior``, by the treatment's own head where that knows the
    class shares of training; None for a control.
    """

    nothing: Treatment
    random: Treatment | None
    prior: Treatment | None = None
