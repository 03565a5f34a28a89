"""The head of a probe: what it is taught by, what it amounts to, and how it was fitted.

Imports torch only with the loss; never click.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import TrainingSet
from rebalance.errors import DataError, SettingError
from rebalance.heads import HEADS, LinearHead, Sides, check_labels, fit_head, head_of
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.records import HeadFitRecord
from rebalance.runs.sets import Sets
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.outputs import HeldOut, Outputs
from rebalance.settings import FeatureFiles, TrainOptions
from rebalance.settings.recipes import PROBE, ProbeRecipe

if TYPE_CHECKING:
    from rebalance.losses import Loss

log = logging.getLogger("rebalance")

NO_FILES = FeatureFiles()

# What of the options of training is said of a network, and not of features that a file has.
OF_NETWORKS = ("arch", "weights", "image_size", "resize", "precision", "in_memory")
# What of the options of training a probe has a use for.
OWN = ("recipe", "loss", "loss_options", "whiten", "head", *OF_NETWORKS)


def chosen_probe(training: TrainOptions, files: FeatureFiles = NO_FILES) -> ProbeRecipe:
    """Return what a probe is fitted by. Raises SettingError for an option it has no use for."""
    plain = TrainOptions(recipe=PROBE)
    for name in vars(plain):
        if name not in OWN and getattr(training, name) != getattr(plain, name):
            raise SettingError(
                f"--recipe {PROBE} leaves the network as it is and fits its last layer to the end: "
                f"leave out --{name.replace('_', '-')}"
            )
    if files.features is not None:
        _check_without_network(training, plain)
    if training.weights == "scratch":
        raise SettingError(
            f"--recipe {PROBE} needs a network that has been trained: pass --weights imagenet, a "
            "checkpoint or a run"
        )
    recipe = ProbeRecipe(head=training.head or ProbeRecipe.head)
    if not head_of(recipe.head, training.whiten).whitens:
        return replace(recipe, whiten=None)
    return recipe if training.whiten is None else replace(recipe, whiten=training.whiten)


def _check_without_network(training: TrainOptions, plain: TrainOptions) -> None:
    """Raise SettingError for what is said of a network where there is none."""
    for name in OF_NETWORKS:
        if getattr(training, name) != getattr(plain, name):
            raise SettingError(
                "--features takes features as they are, and no network looks at the images: leave "
                f"out --{name.replace('_', '-')}"
            )


def check_probe(recipe: ProbeRecipe, loss: "Loss", name: str, seen: TrainingSet) -> None:
    """Raise what is known to fail before there are features.

    name: of the loss. SettingError for one that the head cannot be fitted by, DataError for samples
    that it cannot learn from.
    """
    if not loss.is_cross_entropy:
        raise SettingError(
            f"--recipe {PROBE} minimises cross entropy with class weights or shares: choose ce, "
            f"weighted, cost, balanced-softmax or logit-adjusted in place of {name}, and not the "
            "largest losses alone (top)"
        )
    if name != TrainOptions.loss and not HEADS[recipe.head].knows_prior:
        raise SettingError(
            f"the head {recipe.head} makes the classes alike by itself: leave out --loss {name}, "
            "or choose another head"
        )
    for each, count in zip(seen.classes, seen.counts, strict=True):
        if not count:
            raise DataError(
                f"--recipe {PROBE} needs an image of every class, and class {each!r} has none: add "
                "some, or leave the class out"
            )
    check_labels(recipe.head, _labels(seen))


def probe_amounts(recipe: ProbeRecipe, seen: TrainingSet, loss: "Loss") -> Amounts:
    """Return how much of each class the head saw; as much of each where it makes them alike."""
    folder = [float(seen.at_first[name]) for name in seen.classes]
    classes = len(folder)
    if not HEADS[recipe.head].knows_prior:
        return Amounts.of_samples([1.0] * classes, folder)
    return Amounts(_labels(seen).amounts(classes), loss.weights_of_classes(), folder)


def fit_probe(
    features: NDArray[Any],
    sets: Sets,
    loss: "Loss",
    sides: Sequence[Sides],
    recipe: ProbeRecipe,
) -> LinearHead:
    """Fit the head on features [N, D] of the training samples, those of validation after them.

    sides: what its numbers are chosen by. Its logits are those of the loss's own probabilities.
    """
    from rebalance.losses import SampleLoss

    assert isinstance(loss, SampleLoss)  # as ``check_probe`` has seen
    labels = _labels(sets.seen)
    if sets.validation is not None:
        judged = np.array(sets.validation.folder.labels, dtype=np.int64)
        labels = labels.joined(SoftLabels.plain(judged))
    found = fit_head(
        recipe.head,
        features,
        labels,
        len(sets.seen.classes),
        whiten=recipe.whiten,
        weights=loss.weights.double().numpy(),
        sides=sides,
        seen=len(sets.seen.folder.paths),
    )
    return replace(found, layer=found.layer.without(loss.shift_in_training()))


def told_of(found: LinearHead, sets: Sets, sides: Sequence[Sides], head: str) -> HeadFitRecord:
    """Return how a head was fitted, and log the numbers that it chose."""
    by = "nothing held out"
    if sides:
        by = f"{len(sides)} folds" if sets.validation is None else "validation images"
    for name, number in found.chosen.items():
        tried = len(found.tried.get(name, ()))
        how = f"chosen of {tried} by {by}" if tried else f"by {by}" if sides else "the usual one"
        log.info("the head's %s is %.3g, %s", name, number, how)
    return {
        "head": head,
        "by": by,
        "chosen": dict(found.chosen),
        "tried": {
            name: [{"number": number, "loss": loss} for number, loss in losses.items()]
            for name, losses in found.tried.items()
            if losses
        },
    }


def held_of(found: LinearHead, amounts: Amounts, by: str) -> HeldOut | None:
    """Return what a head says of samples that it did not see; None where nothing was held out.

    Its probabilities know the prior of training again. amounts: what that is.
    """
    from scipy.special import softmax

    if not len(found.truth):
        return None
    said = softmax(found.held + np.log(amounts.prior()), axis=1)
    features = np.empty((len(said), 0), np.float32)  # which deciding by a head does not ask for
    return HeldOut(Outputs(said, features), found.truth.tolist(), by)


def _labels(seen: TrainingSet) -> SoftLabels:
    return SoftLabels.read(seen.folder.labels, seen.shares)
