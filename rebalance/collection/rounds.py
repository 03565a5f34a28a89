"""Probes fitted with ever fewer images of one class, and what they make of images held out.

A round is one held-out part: one fold of one way to deal the images out. May not import torch or
click.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.heads.choices import WHITEN
from rebalance.heads.comparison import balanced_loss
from rebalance.heads.examples import Examples, Parting
from rebalance.heads.folds import dealt
from rebalance.heads.linear import Floats, Linear
from rebalance.heads.logistic import fit_logistic
from rebalance.heads.regression import PENALTIES, USUAL
from rebalance.oversampling.soft_labels import SoftLabels

Labels = NDArray[np.int64]
Positions = NDArray[np.intp]
Hits = NDArray[np.bool_]

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 0.5**0.5)  # of a class's units; all of them come last
LEAST_SIZE = 2.5  # units on average: with fewer there is no telling one size from the next
LEAST_ROUNDS = 2  # however little time there is
LEAST_UNITS = 8  # of a class: fewer make a curve of less than three sizes
TOLERANCE = 1e-4  # slope at which a probe is done: closer, its decisions stay the same


@dataclass(frozen=True, eq=False)
class Sample:
    """Images as the rounds look at them.

    inputs: scaled features [N, d]. labels: class index [N]. kin: images with the same number [N]
    stay together. units: what sizes count [N]: numbers of groups, or of the images themselves.
    """

    inputs: Floats
    labels: Labels
    classes: int
    kin: Positions
    units: Positions
    grouped: bool


@dataclass(eq=False)
class Tally:
    """The outcomes of rounds for one class, size by size, all of it last.

    shares: of what there is of it, rising, without all of it. sizes: units learned from [S], of
    each round. hits: which of the images held out [H, S] were
    recognised, of each round.
    """

    shares: Sequence[float] = SHARES
    sizes: list[Floats] = field(default_factory=list)
    hits: list[Hits] = field(default_factory=list)


@dataclass(eq=False)
class Rounds:
    """The measurements of all rounds: the curve of each class, and what each round held out.

    held: positions of it [H]. whole: which of them the probe of all images recognised [H].
    """

    held: list[Positions] = field(default_factory=list)
    whole: list[Hits] = field(default_factory=list)
    curves: dict[int, Tally] = field(default_factory=dict)
    fits: int = 0


def measure(
    sample: Sample,
    penalty: float,
    *,
    told: Sequence[int],
    folds: int,
    repeats: int,
    seed: int,
    until: float | None = None,
) -> Rounds:
    """Measure curves of the classes ``told``, round after round.

    until: a time of ``time.monotonic`` by which to be done: after ``LEAST_ROUNDS`` no round is
    begun that would end later if it took as long as those before.
    """
    found = Rounds(curves={label: Tally(_shares(sample, label, folds)) for label in told})
    began = time.monotonic()
    for number, (trained, held, rng) in enumerate(_parts(sample, folds, repeats, seed)):
        now = time.monotonic()
        if until and number >= LEAST_ROUNDS and now + (now - began) / number > until:
            break
        _measure_round(sample, penalty, trained, held, rng, found)
    return found


def _shares(sample: Sample, label: int, folds: int) -> list[float]:
    """The shares of a class that leave enough of it to learn from."""
    units = len(np.unique(sample.units[sample.labels == label])) * (1 - 1 / folds)
    return [share for share in SHARES if share * units >= LEAST_SIZE]


def _parts(
    sample: Sample, folds: int, repeats: int, seed: int
) -> Iterator[tuple[Positions, Positions, np.random.Generator]]:
    for repeat in range(repeats):
        stream = seeds.integer(seed, "collection", "folds", repeat)
        fold = dealt(sample.labels, sample.kin, folds, stream, grouped=sample.grouped)
        for number in range(folds):
            rng = seeds.generator(seed, "collection", "left out", repeat, number)
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number), rng


def _measure_round(
    sample: Sample,
    penalty: float,
    trained: Positions,
    held: Positions,
    rng: np.random.Generator,
    found: Rounds,
) -> None:
    """Fit the probe of all images, and from there those of ever fewer of each class."""
    truth = sample.labels[held]
    whole, logits = _probe(sample, penalty, trained, held, None)
    hits = logits.argmax(axis=1) == truth
    found.held.append(held)
    found.whole.append(hits)
    found.fits += 1
    for label, curve in found.curves.items():
        own = trained[sample.labels[trained] == label]
        rest = trained[sample.labels[trained] != label]
        order = rng.permutation(np.unique(sample.kin[own]))
        rank = np.argsort(order)[np.searchsorted(np.sort(order), sample.kin[own])]
        sizes, column = [len(np.unique(sample.units[own]))], [hits]
        layer = whole
        for share in curve.shares[::-1]:
            kept = own[rank < max(1, round(share * len(order)))]
            size = len(np.unique(sample.units[kept]))
            fewer = np.sort(np.concatenate([rest, kept]))
            layer, logits = _probe(sample, penalty, fewer, held, layer)
            found.fits += 1
            sizes.append(size)
            column.append(logits.argmax(axis=1) == truth)
        curve.sizes.append(np.array(sizes[::-1], float))
        curve.hits.append(np.stack(column[::-1], axis=1))


def chosen_penalty(sample: Sample, folds: int, seed: int) -> float:
    """The penalty of least log loss on one fold, classes counting alike, the prior divided out.

    The usual one where that fold has no image of a class that was learned from.
    """
    stream = seeds.integer(seed, "collection", "penalty")
    fold = dealt(sample.labels, sample.kin, folds, stream, grouped=sample.grouped)
    trained, held = np.flatnonzero(fold > 0), np.flatnonzero(fold == 0)
    truth = sample.labels[held]
    if not np.isin(truth, sample.labels[trained]).any():
        return USUAL
    tried: dict[float, float] = {}
    layer: Linear | None = None
    for penalty in PENALTIES:
        layer, logits = _probe(sample, penalty, trained, held, layer)
        known = np.isfinite(logits[np.arange(len(held)), truth])  # classes that were learned from
        tried[penalty] = balanced_loss(logits[known], truth[known])
        if tried[penalty] > min(tried.values()):
            break
    return min(tried, key=tried.__getitem__)


def _probe(
    sample: Sample, penalty: float, trained: Positions, held: Positions, start: Linear | None
) -> tuple[Linear, Floats]:
    """The layer on the whitened inputs of ``trained``, and what it says of ``held`` [H, K].

    The logarithm of the prior is taken off: as if every class were as frequent.
    """
    labels = sample.labels[trained]
    plain = Examples(sample.inputs[trained], SoftLabels.plain(labels), np.ones(sample.classes))
    fitted, turn = plain.turned(WHITEN)
    layer = fit_logistic(fitted, penalty, start=start, tolerance=TOLERANCE)
    part = Parting(fitted, sample.inputs[held] @ turn, sample.labels[held])
    return layer, part.adjusted(layer, fitted.amounts)
