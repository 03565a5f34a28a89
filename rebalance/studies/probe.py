"""The cells of depth ``probe``: a head on the features of an extractor that stays as it is.

Imports torch only to train; never click.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.losses import make_loss
from rebalance.numerics.standardisation import Matrix
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.evaluation import warn_of_idle
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.thresholds import parsed
from rebalance.studies.heads import HEADS
from rebalance.studies.heads.task import Task
from rebalance.studies.outcomes import Outcome
from rebalance.studies.plan import Cell, Definition
from rebalance.studies.rebalancing import LAYER
from rebalance.studies.scoring import (
    calibrated,
    decide,
    errors_once_calibrated,
    rule_of,
    scores,
    searched,
)
from rebalance.studies.setup import Setup, stream_of
from rebalance.studies.sides import Side
from rebalance.training.regimes import REGIMES

log = logging.getLogger("rebalance")


def outcomes(setup: Setup, cells: Sequence[Cell]) -> Iterator[Outcome]:
    """Yield the outcomes of cells that share a seed and a fold, as each is finished."""
    block = Block(setup, cells[0].seed, cells[0].fold)
    for cell in cells:
        yield block.outcome(cell, setup.cells.definitions[cell.treatment])


@dataclass(frozen=True, eq=False)
class Taught:
    """What one head came to. validated, tested: probabilities [V, K] and [T, K].

    amounts: how much of each class its training saw. held: what a temperature can be fitted on.
    """

    validated: NDArray[np.float64]
    tested: NDArray[np.float64] | None
    amounts: Amounts
    images: int
    samples: int
    seconds: float
    held: tuple[NDArray[np.float64], NDArray[np.int64]] | None


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
        self._taught: dict[Definition, Taught] = {}

    def outcome(self, cell: Cell, definition: Definition) -> Outcome:
        """Raises what rebalancing and training raise."""
        if definition.taught not in self._taught:
            self._taught[definition.taught] = self._teach(definition.taught)
        found = self._taught[definition.taught]
        began = time.perf_counter()
        rule = rule_of(definition, found.amounts)
        if parsed(definition.threshold).searches_costs:
            rule = searched(rule, found.amounts, found.held, self.setup.images.classes, self.stream)
        if HEADS[definition.head.key].knows_prior:
            warn_of_idle(rule)
        elif rule.divided_by is not None:
            why = f"the head {definition.head.key} knows no class shares"
            log.warning(f"the threshold {rule.asked} changes no decision: {why}")
        if found.held is not None:
            rule = calibrated(rule, found.amounts, found.held)
        metrics = self._scores(self.setup.labels[self.validated], found.validated, rule)
        test = None
        if found.tested is not None and self.setup.test is not None:
            test = self._scores(self.setup.test.labels, found.tested, rule)
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

    def _scores(
        self, labels: Any, probabilities: NDArray[np.float64], rule: DecisionRule
    ) -> dict[str, float]:
        """Every metric of what the rule decides, and what a temperature makes of it."""
        decided, classes = decide(probabilities, rule), self.setup.images.classes
        found = scores(labels, decided, classes)
        if rule.temperature is not None:
            found |= errors_once_calibrated(labels, decided, classes, rule)
        return found

    def _side(self, *, inner: bool) -> "Side":
        """Return what is trained on.

        All of the training part, or what a regime's validation leaves.
        """
        if inner not in self._sides:
            trained = self.trained
            asked = trained[:0]
            if inner:
                trained, asked = self.setup.inner_sides(trained, self.stream)
            part = self.setup.part(self.seed, self.fold, trained)
            kin = trained if self.setup.kin is None else self.setup.kin[trained]
            grouped = self.setup.options.groups is not None
            self._sides[inner] = Side(part, asked, kin, grouped=grouped)
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

    def _teach(self, definition: Definition) -> Taught:
        side = self._side(inner=REGIMES[definition.regime.key].needs_f1)
        chosen, before = side.rebalanced(definition.rebalance)
        kind = HEADS[definition.head.key]
        kind.scale(side)  # before the time is taken, as all treatments share it
        began = time.perf_counter()
        labels, classes = side.labels(chosen), side.part.classes
        counts = np.bincount(labels.own, minlength=len(classes)).tolist()
        named = dict(zip(classes, counts, strict=True))
        loss = make_loss(definition.loss.key, named, dict(definition.loss.options))
        asked = self._seen(side.asked), self.setup.labels[side.asked]
        task = Task(side, chosen, definition, loss, asked, self.stream)
        head = kind.fit(task)
        folder = list(map(float, side.part.counts.values()))
        amounts = Amounts(head.draws, loss.weights_of_classes(), folder)
        if not kind.knows_prior:  # all classes are alike to it
            alike = [1.0] * len(classes)
            amounts = Amounts.of_samples(alike, alike)
        return Taught(
            head.says(self._validation),
            None if self._test is None else head.says(self._test),
            amounts,
            len(chosen.kept),
            len(labels.own),
            before + time.perf_counter() - began,
            head.held,
        )


def _whole(features: Matrix) -> NDArray[Any]:
    return features.read(slice(None), slice(None))
