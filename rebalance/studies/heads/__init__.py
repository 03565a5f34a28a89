"""How the last layer of a probe is fitted: an axis of a study's grid.

May not import torch or click; what trains is loaded by those who call it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rebalance.settings import TrainOptions
from rebalance.settings.recipes import PROBE
from rebalance.studies.heads.descent import descend
from rebalance.studies.heads.logistic import fit_to_the_end
from rebalance.studies.heads.task import Fitted, Task
from rebalance.studies.outcomes import SGD
from rebalance.studies.plan import Choice


@dataclass(frozen=True)
class HeadKind:
    """A way to fit a head.

    fit: what does it. options: those of ``train`` that a table may say, with what they are unless
    told. any_loss: whether it can be taught by every loss and regime, or by cross entropy alone,
    plain, with class weights or with class shares.
    """

    fit: Callable[[Task], Fitted]
    options: Mapping[str, Any]
    any_loss: bool = False

    def chosen(self, key: str, given: Mapping[str, Any]) -> Choice:
        """This kind, called ``key``, with options; SettingError for a value that none can have.

        What is as it would be anyway is left out, so that equal choices are one.
        """
        TrainOptions(recipe=PROBE, **given)
        told = {name: each for name, each in given.items() if each != self.options[name]}
        return Choice(key, tuple(told.items()))


HEADS: dict[str, HeadKind] = {
    SGD: HeadKind(descend, {}, any_loss=True),
    "logistic": HeadKind(fit_to_the_end, {"whiten": 0.0}),
}
