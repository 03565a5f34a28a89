"""Costs of the loss that are searched before training, by a small head on what a network embeds.

Imports torch only in the middle of it; never click.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.errors import SettingError
from rebalance.heads import Sides
from rebalance.losses.arguments import SEARCHED, is_searched
from rebalance.runs.sets import Sets
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.searched_costs import check_held, search_costs
from rebalance.settings import ScoringOptions, TrainOptions
from rebalance.settings.recipes import ProbeRecipe
from rebalance.training.initial_network import untrained
from rebalance.workflow.probe_fitting import fit_probe, held_of, probe_amounts
from rebalance.workflow.probe_sides import compared_labels, probe_sides

log = logging.getLogger("rebalance")

ASKED = f"--loss-option matrix={SEARCHED}"


def searches_costs(training: TrainOptions) -> bool:
    """Tell whether the loss is to have costs that are searched."""
    return any(is_searched(*option) for option in training.loss_options)


def check_search(training: TrainOptions, scoring: ScoringOptions) -> None:
    """Raise SettingError where costs are to be searched without validation images."""
    if searches_costs(training) and scoring.val is None and scoring.val_fraction is None:
        raise SettingError(
            f"{ASKED} searches costs on validation images, and there are none: add --val or "
            "--val-fraction, or give costs in a file, as matrix=FILE"
        )


def with_searched_costs(
    training: TrainOptions, scoring: ScoringOptions, sets: Sets, evaluator: Evaluator, seed: int
) -> TrainOptions:
    """Return the options with the costs that were asked to be searched, or as they are.

    The head sees what the network embeds as training begins: see ``with_costs_of``.
    """
    from rebalance.losses.cross_entropy import CE

    if not searches_costs(training):
        return training
    by_first, seen = evaluator.processes.by_first, sets.seen
    sides = by_first(partial(probe_sides, sets, scoring, ProbeRecipe(), seed))
    check_compared(sets, sides)
    begin = partial(untrained, training, seen.classes, CE(seen.counts), seed)
    _, network, transform = by_first(begin)
    shown = [
        evaluator.embed(network, images, transform)
        for images in (seen, sets.validation)
        if images is not None
    ]
    return by_first(partial(with_costs_of, training, np.concatenate(shown), sets, sides, seed))


def check_compared(sets: Sets, sides: Sequence[Sides]) -> None:
    """Raise SettingError where a class has no image to fit a head on, or none held out."""
    check_held(compared_labels(sets, sides), sets.seen.classes, ASKED)
    for name, count in zip(sets.seen.classes, sets.seen.counts, strict=True):
        if not count:
            raise SettingError(
                f"{ASKED} fits a head on images of every class, and of class {name!r} there are "
                "none: add some, or give costs in a file"
            )


def with_costs_of(
    training: TrainOptions,
    features: NDArray[np.float32],
    sets: Sets,
    sides: Sequence[Sides],
    seed: int,
) -> TrainOptions:
    """Return the options with costs searched by a head on features of the samples [N, D].

    One head is fitted, by plain cross entropy, and costs are searched for its decisions on what it
    does not see: a network that is trained by costs comes to the probabilities of one that is not,
    each times the cost of its class, if both learn all that there is. That the costs are best for
    the network that is trained by them is not looked at; it would take a training for each of
    thousands of candidates. features: those of the training samples, and after them of validation.
    """
    from rebalance.losses.cross_entropy import CE

    recipe, loss = ProbeRecipe(), CE(sets.seen.counts)
    fitted = fit_probe(features, sets, loss, sides, recipe)
    by = f"{len(sides)} folds" if sets.validation is None else "validation images"
    held = held_of(fitted, probe_amounts(recipe, sets.seen, loss), by)
    assert held is not None  # as ``check_compared`` has seen
    stream = seeds.integer(seed, "costs of the loss")
    found = search_costs(held.outputs.probabilities, held.labels, by, seed=stream)
    log.info("%s", found.told(sets.seen.classes))
    options: dict[str, Any] = {**dict(training.loss_options), "matrix": found.matrix}
    return replace(training, loss_options=tuple(options.items()))
