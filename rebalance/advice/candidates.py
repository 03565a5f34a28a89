"""The candidates: what advice tries on everybody's images, the most promising first.

May not import numpy, torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rebalance.class_sizes import wanted_sizes
from rebalance.errors import RebalanceError
from rebalance.oversampling import OVERSAMPLERS
from rebalance.studies.outcomes import Treatment
from rebalance.studies.plan import Choice, Definition
from rebalance.studies.rebalancings import Rebalancing, label_of, named, with_options
from rebalance.studies.words import name

FEW_TIMES = 4  # of the smallest class, that large classes are cut to where not to the smallest


@dataclass(frozen=True)
class Candidate:
    """A treatment that may be recommended.

    effort: how much is asked of whoever follows it, from 0 for nothing at all; of candidates that
    do equally well the one that asks for least is recommended. trust: its share of the chance of
    error, larger for what has helped wherever it was tried. control: whether it is only there to
    compare with.
    """

    treatment: Treatment
    definition: Definition
    effort: int
    trust: float
    control: bool = False

    @property
    def name(self) -> str:
        """What a study calls it."""
        return name(self.treatment)

    @property
    def may_win(self) -> bool:
        """Tell whether it may be what is best: doing nothing may, images at random may not."""
        return not self.control or not self.effort

    @property
    def retrains(self) -> bool:
        """Tell whether it needs another training than doing nothing does."""
        return self.definition.taught != Definition().taught


# How much is asked for: nothing, another decision, another loss, repeats, blends, a choice of
# images. Blends of classes come last, since they ruin calibration.
DECIDE, WEIGH, REPEAT, CHOOSE, BLEND, SHARE = range(1, 7)
KNOWN, OTHERS = 1 / 3, 1 / 3  # shares of the chance of error: of each that is known to help, of all
PRIOR = "prior"


def candidates(counts: Mapping[str, int]) -> list[Candidate]:
    """List what is worth trying on classes of these sizes: nothing first, then by promise.

    What would change nothing is left out, as is what cannot be done.
    """
    found = [
        _candidate(effort=0, trust=0, control=True),
        _candidate(threshold=PRIOR, effort=DECIDE, trust=KNOWN),
    ]
    others = [each for each in _others() if _possible(each.definition.rebalance, counts)]
    tried = sum(not each.control for each in others)
    found += [_trusted(each, OTHERS / max(tried, 1)) for each in others]
    return found if max(counts.values()) > min(counts.values()) else found[:2]


def _others() -> list[Candidate]:
    cut = {"to": f"{FEW_TIMES}x"}
    return [
        _candidate(loss="weighted", effort=WEIGH),
        _candidate("eos", effort=BLEND),
        _candidate("random-over", effort=REPEAT),
        _candidate("coverage-typical", cut, threshold=PRIOR, effort=CHOOSE),
        _candidate("skew-mix", effort=SHARE),
        _candidate("smote", effort=BLEND),
        _candidate("mixup", effort=SHARE),
        _candidate("coverage-typical", effort=CHOOSE),
        _candidate("subclass-typical", cut, threshold=PRIOR, effort=CHOOSE),
        _candidate("subclass-typical", effort=CHOOSE),
        _candidate("random-under", effort=CHOOSE, control=True),
    ]


def _candidate(
    method: str = "none",
    options: Mapping[str, str] | None = None,
    *,
    loss: str = "ce",
    threshold: str = "none",
    effort: int,
    trust: float = 0.0,
    control: bool = False,
) -> Candidate:
    chosen = with_options(method, options) if options else named(method)
    treatment = Treatment(label_of(method, options or {}), loss, threshold=threshold)
    definition = Definition(chosen, Choice(loss), threshold=threshold)
    return Candidate(treatment, definition, effort, trust, control)


def _trusted(each: Candidate, trust: float) -> Candidate:
    return Candidate(each.treatment, each.definition, each.effort, trust, each.control)


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
