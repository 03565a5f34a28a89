"""A head fitted to the end: logistic regression whose penalty is chosen on folds of the part.

May not import torch or click.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import DataError
from rebalance.heads import Linear, Sides, fit_head
from rebalance.studies.heads.task import Fitted, Task

if TYPE_CHECKING:
    from rebalance.losses import Loss, SampleLoss


def fit_to_the_end(task: Task) -> Fitted:
    """Fit the layer of least cross entropy on standardised features, by L-BFGS.

    They are turned to their leading components, and whitened as far as the treatment says. Raises
    DataError for labels that two classes share.
    """
    side, labels = task.side, task.side.labels(task.chosen)
    if labels.shared:
        raise DataError(
            "the head logistic learns from whole labels, and blends here share theirs with a "
            "partner: choose another oversampler, or the head sgd"
        )
    classes = len(side.part.classes)
    found = fit_head(
        "logistic",
        side.raw(task.chosen),
        labels.own,
        classes,
        whiten=dict(task.definition.head.options).get("whiten", 0.0),
        weights=cast("SampleLoss", task.loss).weights.double().numpy(),
        sides=_sides(task),
    )
    layer = _without_shares(found.layer, task.loss)
    return Fitted(partial(_said, layer, task.loss), labels.amounts(classes))


def _sides(task: Task) -> list[Sides]:
    """Where penalties are compared: on what is kept of a fold of the part.

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


def _without_shares(layer: Linear, loss: "Loss") -> Linear:
    """Take the class shares out of a bias where the loss adds them in training alone."""
    from rebalance.losses.adjustment import LogitAdjusted

    if not isinstance(loss, LogitAdjusted):
        return layer
    return layer._replace(bias=layer.bias - loss.shift.double().numpy())


def _said(layer: Linear, loss: "Loss", features: NDArray[Any]) -> NDArray[np.float64]:
    """The probabilities [N, K] that a layer gives to features as they come."""
    import torch

    logits = torch.from_numpy(layer.logits(features.astype(np.float64)))
    found: NDArray[np.float64] = loss.probabilities(logits).numpy()
    return found
