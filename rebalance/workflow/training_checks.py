"""A training is checked before it begins: why it cannot be, and what it will amount to.

Imports torch only in the middle of it; never click.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rebalance.data.samples import TrainingSet
from rebalance.distributed.processes import Processes
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.records import RunOptionsRecord
from rebalance.runs.options import class_weights_of, first_phase_of
from rebalance.runs.sets import Sets
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.rules import check_rule
from rebalance.settings import Recipe, ScoringOptions, TrainOptions
from rebalance.training.first_phase import FirstPhase
from rebalance.training.mixing import mix_of
from rebalance.training.regimes import REGIMES, Moment
from rebalance.training.sampling import SAMPLERS, Division
from rebalance.workflow.conclusion import check_held_out, warn_of_one_class
from rebalance.workflow.head_samples import HeadSamples

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.models.network import Network

log = logging.getLogger("rebalance")


def check_training(
    training: TrainOptions,
    recipe: Recipe,
    first: FirstPhase,
    sets: Sets,
    network: "Network",
    loss: "Loss",
    processes: Processes,
) -> None:
    """Raise what can be known to fail, and warn of what is not as it would be in one pass."""
    from rebalance.training.checks import check_labels, check_loss, check_names, check_sizes

    counts = sets.seen.counts
    epochs = recipe.frozen_epochs + recipe.epochs
    check_names(recipe, training.sampler, training.regime)
    division = Division(
        recipe.batch_size, recipe.grad_accum, rank=processes.rank, world=processes.world
    )
    check_sizes(sum(counts), recipe, division)
    check_labels(loss, mix_of(recipe.mix), shared=bool(sets.seen.shares))
    validated = sets.validation is not None
    studied = validated or loss.learns_from_training
    check_loss(loss, network, training.regime, validated=validated, studied=studied)
    regime = REGIMES[training.regime]
    if regime.has_first_phase:
        named = dict(zip(sets.seen.classes, counts, strict=True))
        first.check(named, epochs)
        log.info("%s", first.told(named, epochs))
    if not regime.begins_within(epochs):
        log.warning(
            "the regime %s begins after %.0f %% of the epochs, and %d are too few for that: this "
            "is plain training",
            training.regime,
            100 * regime.begins,
            epochs,
        )
    if (training.recipe, training.loss, training.regime) == ("eos", "ldam", "plain"):
        log.info("in the paper of the recipe eos, ldam goes with --regime drw")
    parts = processes.world * recipe.grad_accum
    if parts > 1 and loss.sees_whole_batch:
        log.warning(
            "the loss %s looks at a batch as a whole, and here at each of its %d parts alone: it "
            "differs from that of one process and one forward pass",
            training.loss,
            parts,
        )


def check_decision(
    scoring: ScoringOptions,
    options: RunOptionsRecord,
    recipe: Recipe,
    sets: Sets,
    samples: HeadSamples | None,
) -> None:
    """Raise what deciding would raise after training; warn of metrics that will not be defined."""
    counts = sets.seen.counts
    amounts = amounts_of(options, recipe, sets.seen, None)
    if samples is not None:  # by which alone a fresh head decides
        amounts = Amounts.of_samples(samples.expected, amounts.folder)
    check_rule(scoring.classifier, scoring.threshold, sets.seen.classes, amounts, counts)
    if sets.validation is not None:
        check_held_out(scoring, sets.validation.folder.labels, sets.seen.classes)
    warn_of_one_class(sets.tested)


def amounts_of(
    options: RunOptionsRecord, recipe: Recipe, seen: TrainingSet, f1: Sequence[float] | None
) -> Amounts:
    """Return how often the last epoch drew each class as a label, and what it weighed there.

    f1: what the last epoch began with, by which dynamic sampling drew it; None before training.
    """
    epochs = recipe.frozen_epochs + recipe.epochs
    last = Moment(epochs - 1, epochs, f1, options["seed"], first_phase_of(options))
    labels = np.asarray(seen.folder.labels, dtype=np.int64)
    lesson = REGIMES[options["regime"]].plan(labels, last)
    draws = SAMPLERS[options["sampler"]].draws(labels[lesson.positions], len(seen.classes))
    if seen.shares:
        draws = SoftLabels.read(seen.folder.labels, seen.shares).take(lesson.positions).drawn(draws)
    draws = mix_of(recipe.mix).drawn(draws, list(options["counts"].values()))
    folder = [float(seen.at_first[name]) for name in seen.classes]
    return Amounts(draws, class_weights_of(options, lesson.weighting), folder)
