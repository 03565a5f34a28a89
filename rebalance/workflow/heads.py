"""Three-phase training: a trained body, its embeddings rebalanced, a fresh linear head.

Source: Dablain et al., "Efficient Augmentation for Imbalanced Deep Learning", ICDE 2023. Imports
torch only in the middle of it; never click.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rebalance import seeds
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.metrics import FeatureRanges
from rebalance.records import MetricsRecord
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import DecisionRule
from rebalance.workflow.conclusion import Trained
from rebalance.workflow.head_samples import HeadSamples

if TYPE_CHECKING:
    from torch import nn

    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")


def with_rebalanced_head(
    trained: Trained,
    samples: HeadSamples,
    seen: TrainingSet,
    validation: ScoringSet | None,
    tested: ScoringSet,
    counts: Mapping[str, int],
    seed: int,
    evaluator: Evaluator,
) -> Trained:
    """The same network with a fresh last layer, trained on the embeddings of ``samples``.

    validation: what the best epoch is chosen by; without it that is the last one. seen, counts: the
    training images, and how many the former head learned from in each class; ``before`` is what it
    came to.
    """
    from rebalance.losses.cross_entropy import CE
    from rebalance.training.head import fit_head

    classes, transform = seen.classes, trained.transform
    shown = samples.embedded(trained.network, transform, evaluator)
    judge = (
        None if validation is None else _judge(trained.network, validation, transform, evaluator)
    )
    learn = partial(fit_head, shown.embeddings, shown.labels, len(classes), seed=seed)
    fitted = evaluator.processes.by_first(partial(learn, device=evaluator.device, judge=judge))
    log.info(
        "a head from %d embeddings, %d of them blended: epoch %d",
        len(shown.embeddings),
        shown.blended,
        fitted.epoch,
    )
    ranges = shown.seen or evaluator.ranges(trained.network, seen, transform)
    before = _before(trained, ranges, tested, counts, evaluator)
    head = evaluator.processes.by_first(
        partial(_under_fresh_output, trained.network, len(classes), seed)
    )
    head.last.load_state_dict(fitted.layer.state_dict())
    learned = shown.counts(classes)
    return replace(
        trained,
        network=head,
        loss=CE(learned),
        amounts=Amounts.of_samples(shown.labels.amounts(len(classes)), trained.amounts.folder),
        ranges=FeatureRanges.of(shown.embeddings, shown.labels.own),
        before=before,
        head_epochs=fitted.course,
    )


def _before(
    trained: Trained,
    ranges: FeatureRanges,
    tested: ScoringSet,
    counts: Mapping[str, int],
    evaluator: Evaluator,
) -> MetricsRecord:
    """The metrics of the former head, deciding by itself.

    ranges: of the training images alone, in the embedding that both heads see.
    """
    network, loss, transform = trained.network, trained.loss, trained.transform
    found = evaluator.evaluate(network, loss, tested, transform, DecisionRule(), counts, ranges)
    return found.metrics


def _under_fresh_output(network: "Network", classes: int, seed: int) -> "Network":
    import torch

    from rebalance.models.heads import with_fresh_output

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.integer(seed, "head"))
        return with_fresh_output(network, classes)


def _judge(
    network: "Network", validation: ScoringSet, transform: "Transform", evaluator: Evaluator
) -> "Callable[[nn.Linear], float]":
    """The balanced accuracy of a layer on the validation images, over the classes there are."""
    from rebalance.training.head import balanced_accuracy

    return partial(
        balanced_accuracy,
        embeddings=evaluator.embed(network, validation, transform),
        labels=np.array(validation.folder.labels),
    )
