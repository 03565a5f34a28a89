"""A head fitted to the end, one of ``rebalance.heads``, its numbers chosen on folds of the part.

May not import torch or click.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from rebalance.heads import HEADS, Linear, Sides, fit_head
from rebalance.heads.scaling import Scaling, unscaled
from rebalance.oversampling import synthesise
from rebalance.studies.heads.task import Fitted, Task

if TYPE_CHECKING:
    from rebalance.losses import Loss, SampleLoss

STRENGTH = "strength"  # of logistic: its penalty times the images it keeps, where that is known


def fit_linear(task: Task) -> Fitted:
    """Fit a layer on the standardised components of the part, whitened as far as it says.

    What is added is made of these components, and weighs as the loss says. A head that comes with
    its ``STRENGTH`` chooses no penalty.
    """
    side, chosen, head = task.side, task.chosen, task.definition.head
    kept, labels = side.components[chosen.kept], side.labels(chosen)
    classes, kind = len(side.part.classes), HEADS[head.key]
    options = dict(head.options)
    known = options[STRENGTH] / len(kept) if STRENGTH in options else None
    found = fit_head(
        head.key,
        np.concatenate([kept, synthesise(kept, chosen.added)]),
        labels,
        classes,
        whiten=options.get("whiten", 0.0) if kind.whitens else None,
        weights=cast("SampleLoss", task.loss).weights.double().numpy(),
        sides=_sides(task) if known is None else [],
        scaling=unscaled(kept.shape[1]),
        penalty=known,
    )
    layer = found.layer.without(task.loss.shift_in_training()) if kind.knows_prior else found.layer
    held = (found.held, found.truth) if len(found.truth) else None
    return Fitted(partial(_said, side.scaling, layer, task.loss), labels.amounts(classes), held)


def _sides(task: Task) -> list[Sides]:
    """Where the numbers of a head are compared: on what is kept of a fold of the part.

    Fitted is on what has no parent there, neither a base nor a partner.
    """
    side, kept, added = task.side, task.chosen.kept, task.chosen.added
    if side.inner is None:
        return []
    fold = side.inner[kept]
    base, partner = (np.concatenate([fold, fold[each]]) for each in (added.base, added.partner))
    found = []
    for each in np.unique(fold):
        fitted, compared = (base != each) & (partner != each), np.flatnonzero(fold == each)
        if fitted.any():
            found.append(Sides(np.flatnonzero(fitted), compared))
    return found


def _said(
    scaling: Scaling, layer: Linear, loss: "Loss", features: NDArray[Any]
) -> NDArray[np.float64]:
    """The probabilities [N, K] that a layer on components gives to features as they come."""
    import torch

    logits = torch.from_numpy(layer.logits(scaling(features)))
    found: NDArray[np.float64] = loss.probabilities(logits).numpy()
    return found
