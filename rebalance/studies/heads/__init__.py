"""Kinds of heads, which fit the last layer of a probe: an axis of a study's grid.

May not import torch or click; what trains is loaded by those who call it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from rebalance import heads
from rebalance.settings import TrainOptions
from rebalance.settings.recipes import PROBE
from rebalance.studies.heads.descent import descend
from rebalance.studies.heads.linear import fit_linear
from rebalance.studies.heads.task import Fitted, Task
from rebalance.studies.outcomes import SGD
from rebalance.studies.sides import Side


@dataclass(frozen=True)
class HeadKind:
    """A way to fit a head.

    fit: what does it. scale: how the side is scaled for it, once for all treatments. options: those
    of ``train`` that a table may say, with what they are unless told. any_loss: whether it can be
    taught by every loss and regime, or by cross entropy alone, plain, with class weights or with
    class shares. knows_prior: whether its probabilities follow
    how much of each class it learned from, so that the threshold ``prior`` has them to divide out.
    shares: whether it learns from labels that two classes share. holds_out: whether it tells what
    it says of samples that it held out of the training part, on which costs can be searched.
    """

    fit: Callable[[Task], Fitted]
    scale: Callable[[Side], Any]
    options: Mapping[str, Any]
    any_loss: bool = False
    knows_prior: bool = True
    shares: bool = True
    holds_out: bool = True

    def chosen(self, given: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """The options that differ from what they are unless told, so that equal choices are one.

        Raises SettingError for a value that none can have.
        """
        TrainOptions(recipe=PROBE, **given)
        return tuple((name, each) for name, each in given.items() if each != self.options[name])


def _fitted(head: heads.Head) -> HeadKind:
    options = {"whiten": 0.0} if head.whitens else {}
    scale = attrgetter("components", "inner")
    return HeadKind(fit_linear, scale, options, knows_prior=head.knows_prior, shares=head.shares)


HEADS: dict[str, HeadKind] = {
    SGD: HeadKind(descend, attrgetter("inputs"), {}, any_loss=True, holds_out=False),
    **{name: _fitted(head) for name, head in heads.HEADS.items()},
}
