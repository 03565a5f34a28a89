"""The random control of a rebalancing: as many images of each class, whichever they are.

May not import torch or click.
"""

from dataclasses import replace
from typing import Any

from rebalance import oversampling, undersampling
from rebalance.oversampling import OVERSAMPLERS
from rebalance.settings import SelectionOptions, SynthesisOptions
from rebalance.studies.rebalancing import Rebalancing
from rebalance.studies.rebalancings import (
    CUT_TO,
    RAISED_TO,
    RANDOM_OVER,
    RANDOM_UNDER,
    label_of,
    own_space,
)
from rebalance.undersampling import UNDERSAMPLERS


def random_control(rebalancing: Rebalancing, depth: str) -> Rebalancing | None:
    """The same at random, to the same sizes; None for one that changes nothing or is random.

    Where sizes are known beforehand this is a rebalancing by random choice of its own, that others
    share; otherwise it follows the sizes that were reached. At depth ``full`` it is trained as its
    treatment is, by embeddings where that blends them; a probe knows nothing else.
    """
    if rebalancing.like is not None or rebalancing.by_chance:
        return None
    cut, raised = rebalancing.cut, rebalancing.raised
    inexact = cut is not None and not UNDERSAMPLERS[cut.method].exact
    if inexact or (raised is not None and OVERSAMPLERS[raised.method].by_subclass):
        return Rebalancing(like=rebalancing)
    chance = oversampling.BY_CHANCE
    return replace(
        rebalancing,
        cut=cut and SelectionOptions(undersampling.BY_CHANCE),
        raised=raised
        and SynthesisOptions(chance, space=raised.space if depth == "full" else own_space(chance)),
    )


def control_label(control: Rebalancing, of: str) -> str:
    """Return what the random control of the rebalancing called ``of`` is called."""
    if control.like is not None:
        return f"random as {of}"
    if control.cut is not None and control.raised is not None:
        return f"random-hybrid to={control.to}"
    base, usual = (RANDOM_OVER, RAISED_TO) if control.raised else (RANDOM_UNDER, CUT_TO)
    sizes: dict[str, Any] = {"to": control.to} if control.to != usual else {}
    sizes |= {"classes": control.classes} if control.classes else {}
    sizes |= {"per_class": dict(control.per_class)} if control.per_class else {}
    label = label_of(base, sizes)
    return f"{label} of embeddings" if control.blends else label
