"""The candidates: what advice tries on everybody's images, the most promising first.

May not import numpy, torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rebalance.class_sizes import wanted_sizes
from rebalance.errors import RebalanceError
from rebalance.oversampling import OVERSAMPLERS
from rebalance.settings.recipes import ProbeRecipe
from rebalance.studies.heads.linear import STRENGTH
from rebalance.studies.outcomes import Treatment
from rebalance.studies.plan import Choice, Definition
from rebalance.studies.rebalancing import Rebalancing
from rebalance.studies.rebalancings import label_of, named, with_options

FEW_TIMES = 4  # of the smallest class, that large classes are cut to where not to the smallest


@dataclass(frozen=True)
class Candidate:
    """A treatment that may be recommended.

    name: what advice calls it. effort: how much is asked of whoever follows it, from 0 for nothing
    at all; of candidates that do equally well the one that asks for least is recommended. trust:
    its share of the chance of error, larger for what has helped wherever it was tried. control:
    whether it is only there to compare with.
    """

    name: str
    treatment: Treatment
    definition: Definition
    effort: int
    trust: float
    control: bool = False

    @property
    def may_win(self) -> bool:
        """Tell whether it may be what is best: doing nothing may, images at random may not."""
        return not self.control or not self.effort

    @property
    def retrains(self) -> bool:
        """Tell whether it needs another training than doing nothing does."""
        return self.treatment != replace(NOTHING, threshold=self.treatment.threshold)


# What a study calls doing nothing by the head of `train --recipe probe`, not whitened.
NOTHING = Treatment(head="logistic")
# What `train --recipe probe` fits, as it is and on whitened features.
LOGISTIC = Choice("logistic")
WHITENED = Choice("logistic", (("whiten", ProbeRecipe.whiten),))

# How much is asked for, from nothing on: another decision, another head, another loss, repeats, a
# choice of images, blends. Blends of classes come last, since they ruin calibration.
DECIDE, FIT, WEIGH, REPEAT, CHOOSE, BLEND, SHARE = range(1, 8)
# Shares of the chance of error. The prior and whitening with it have helped wherever they were
# tried, and nothing was much better: what can be told of them is worth most.
OF_PRIOR, OF_WHITENING, OF_OTHERS = 0.6, 0.3, 0.1
PRIOR = "prior"
RANDOM = "random-under"


def candidates(counts: Mapping[str, int], strength: float | None = None) -> list[Candidate]:
    """List what is worth trying on classes of these sizes: nothing first, then by promise.

    What would change nothing is left out, as is what cannot be done. strength: of the heads; None
    lets each choose its penalty in every cell.
    """
    found = _worth_trying(counts)
    return found if strength is None else [_held_back(each, strength) for each in found]


def _held_back(each: Candidate, strength: float) -> Candidate:
    head = each.definition.head
    known = Choice(head.key, (*head.options, (STRENGTH, strength)))
    return replace(each, definition=replace(each.definition, head=known))


def _worth_trying(counts: Mapping[str, int]) -> list[Candidate]:
    even = max(counts.values()) == min(counts.values())
    first = [
        _candidate("nothing", effort=0, control=True),
        _candidate(PRIOR, threshold=PRIOR, effort=DECIDE, trust=OF_PRIOR),
        _candidate(
            "whiten + prior", threshold=PRIOR, head=WHITENED, effort=FIT, trust=OF_WHITENING
        ),
    ]
    if even:
        return [first[0], _candidate("whiten", head=WHITENED, effort=FIT, trust=1.0)]
    others = [each for each in _others() if _possible(each.definition.rebalance, counts)]
    tried = sum(not each.control for each in others)
    return first + [
        each if each.control else replace(each, trust=OF_OTHERS / tried) for each in others
    ]


def _others() -> list[Candidate]:
    few = {"to": f"{FEW_TIMES}x"}
    return [
        _candidate("class weights", loss="weighted", effort=WEIGH),
        _candidate("eos", "eos", effort=BLEND),
        _candidate("repeats", "random-over", effort=REPEAT),
        _candidate(
            f"coverage-typical to {FEW_TIMES}x + prior",
            "coverage-typical",
            few,
            threshold=PRIOR,
            effort=CHOOSE,
        ),
        _candidate("skew-mix + whiten", "skew-mix", head=WHITENED, effort=SHARE),
        _candidate("smote", "smote", effort=BLEND),
        _candidate("mixup", "mixup", effort=SHARE),
        _candidate("coverage-typical", "coverage-typical", effort=CHOOSE),
        _candidate(
            f"subclass-typical to {FEW_TIMES}x + prior",
            "subclass-typical",
            few,
            threshold=PRIOR,
            effort=CHOOSE,
        ),
        _candidate("subclass-typical", "subclass-typical", effort=CHOOSE),
        _candidate(RANDOM, RANDOM, effort=CHOOSE, control=True),
    ]


def _candidate(
    name: str,
    method: str = "none",
    options: Mapping[str, str] | None = None,
    *,
    loss: str = "ce",
    threshold: str = "none",
    head: Choice = LOGISTIC,
    effort: int,
    trust: float = 0.0,
    control: bool = False,
) -> Candidate:
    chosen = with_options(method, options) if options else named(method)
    told = " ".join([head.key, *(f"{option}={value}" for option, value in head.options)])
    treatment = Treatment(label_of(method, options or {}), loss, threshold=threshold, head=told)
    definition = Definition(chosen, Choice(loss), threshold=threshold, head=head)
    return Candidate(name, treatment, definition, effort, trust, control)


def _possible(rebalancing: Rebalancing, counts: Mapping[str, int]) -> bool:
    """Tell whether it can be done to classes of these sizes, and changes them."""
    try:
        if rebalancing.cut is not None:
            return bool(wanted_sizes(counts, rebalancing.targets) != dict(counts))
        if rebalancing.raised is not None:
            OVERSAMPLERS[rebalancing.raised.method].sizes(counts, rebalancing.growth)
    except RebalanceError:
        return False
    return True
