"""What can be known to fail before training starts. Imports torch, by way of the losses."""

from collections.abc import Iterable

from rebalance.errors import DataError, SettingError, TrainingError, choose
from rebalance.losses import Loss
from rebalance.models.heads import gives_cosines
from rebalance.models.network import Network
from rebalance.settings import Recipe
from rebalance.training.mixing import Mix
from rebalance.training.optimisers import OPTIMISERS
from rebalance.training.regimes import REGIMES
from rebalance.training.sampling import SAMPLERS, Division
from rebalance.training.schedules import SCHEDULES


def check_names(recipe: Recipe, sampler: str, regime: str) -> None:
    """Raise SettingError for a choice that is not in its dictionary."""
    _check_name("optimiser", recipe.optimiser, OPTIMISERS)
    _check_name("schedule", recipe.schedule, SCHEDULES)
    _check_name("sampler", sampler, SAMPLERS)
    _check_name("regime", regime, REGIMES)


def _check_name(what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise SettingError(f"no {what} {value!r}: {choose(value, known)}")


def check_sizes(images: int, recipe: Recipe, division: Division) -> None:
    """Raise DataError for too few images, and TrainingError for too few in a batch, or epochs."""
    least = division.smallest_batch
    if images < least:
        raise DataError(
            f"training needs at least {least} images, found {images}: add images to the folder"
        )
    if recipe.batch_size < least * recipe.grad_accum:
        raise TrainingError(
            f"training needs a batch_size of at least {least * recipe.grad_accum}, found "
            f"{recipe.batch_size}: BatchNorm cannot learn from one image"
        )
    if min(recipe.frozen_epochs, recipe.epochs) < 0 or recipe.frozen_epochs + recipe.epochs == 0:
        raise TrainingError(
            f"training needs at least one epoch, found frozen_epochs={recipe.frozen_epochs} and "
            f"epochs={recipe.epochs}: raise one of them"
        )


def check_labels(loss: Loss, mix: Mix, *, shared: bool) -> bool:
    """Tell whether classes share labels: those that are read (``shared``), or those of a mix.

    Raises SettingError where both would, LossError where the loss takes no such labels.
    """
    if shared and mix.mixes:
        raise SettingError(
            "--mix shares an image's label with another's, and blends here have labels that two "
            "classes share already: leave out --mix, or train on samples with one class each"
        )
    if shared or mix.mixes:
        loss.soft_steps()
    return shared or mix.mixes


def check_loss(
    loss: Loss, network: Network, regime: str, *, validated: bool, studied: bool
) -> None:
    """Raise SettingError where loss, network, regime and validation do not go together.

    studied: there are images for the loss to learn from.
    """
    name = type(loss).__name__
    if loss.takes_cosines != gives_cosines(network):
        needed, last = (
            ("cosines", "models.heads.with_cosine_output")
            if loss.takes_cosines
            else ("logits", "a linear output layer")
        )
        raise SettingError(f"the loss {name} needs a network that gives {needed}: use {last}")
    if REGIMES[regime].needs_weights and not loss.weighs_classes:
        raise SettingError(
            f"the regime {regime} needs a loss that can weigh the classes, found {name}: "
            "choose another loss or regime"
        )
    if REGIMES[regime].needs_f1 and not validated:
        raise SettingError(
            f"the regime {regime} needs validation images after every epoch, found none: set some "
            "apart, or choose another regime"
        )
    if loss.learns_from_validation and not studied:
        raise SettingError(
            f"the loss {name} learns from validation images before every epoch, found none: set "
            "some apart, or choose another loss"
        )
    if loss.learns_from_training and not studied:
        raise SettingError(
            f"the loss {name} learns from what the network says of the training images before "
            "every epoch, found nothing that asks it: pass study, or choose another loss"
        )
