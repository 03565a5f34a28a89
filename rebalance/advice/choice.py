"""Scores decide which candidate is recommended, which is dropped, and when trying has ended.

The chance of error is shared out among candidates, and where scores are looked at after every round
among these looks too (Bonferroni). May not import torch or click.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.advice.candidates import Candidate
from rebalance.advice.outcomes import LOOKS, Outcomes, PairedGain

ALIKE = 0.005  # in balanced accuracy: candidates this close do equally well


@dataclass(frozen=True)
class ChosenAdvice:
    """The candidate that is recommended, and the gains that the same pairs tell of all others.

    best: the candidate of the best mean among those that are clearly better than nothing; None
    where none is. gains: of each candidate beside doing nothing, by its name.
    """

    recommended: Candidate
    best: Candidate | None
    gains: dict[str, PairedGain]


def choose(tried: Sequence[Candidate], outcomes: Outcomes) -> ChosenAdvice:
    """Recommend the least effort among what is clearly better than nothing and as good as the best.

    Clearly better is what has an interval beside nothing, at its share of 5 %, that excludes 0; as
    good as the best is a mean within ``ALIKE`` of its, over the pairs that both have. Where nothing
    is clearly better, what needs no training is recommended if it is likely to help, and else doing
    nothing. The first of ``tried`` is doing nothing.
    """
    nothing, *others = tried
    gains = {each.name: gain(each, nothing, outcomes) for each in others}
    better = [each for each in others if not each.control and gains[each.name].above_zero]
    if not better:
        free = [each for each in others if not each.retrains and likely(gains[each.name])]
        return ChosenAdvice(free[0] if free else nothing, None, gains)
    best = max(better, key=lambda each: (gains[each.name].mean, -each.effort))
    alike = [each for each in better if outcomes.difference(best, each).mean <= ALIKE]
    least = min(each.effort for each in alike)
    kept = [each for each in alike if each.effort == least]
    return ChosenAdvice(max(kept, key=lambda each: gains[each.name].mean), best, gains)


def likely(found: PairedGain) -> bool:
    """Tell whether a gain that is not clear is worth taking where it costs nothing.

    Its mean must matter, and the interval reach no further below 0 than the mean is above it.
    """
    return found.interval is not None and found.mean > max(ALIKE, -found.interval.low)


def gain(candidate: Candidate, nothing: Candidate, outcomes: Outcomes) -> PairedGain:
    """Compare a candidate with doing nothing, at its share of the chance of error.

    This is asked once, at the end: when that comes is decided by how candidates compare with each
    other, so that nobody goes on until something looks better than nothing.
    """
    return outcomes.difference(candidate, nothing, comparisons=1 / (candidate.trust or 1.0))


def hopeless(running: Sequence[Candidate], outcomes: Outcomes) -> list[Candidate]:
    """List those that are clearly worse than the best mean of all, and so cannot win any more."""
    able = [each for each in running if not math.isnan(outcomes.mean(each))]
    if not able:
        return []
    best = max(able, key=outcomes.mean)
    at_once = LOOKS * max(len(running) - 1, 1)
    return [
        each
        for each in running
        if each is not best and outcomes.difference(best, each, comparisons=at_once).above_zero
    ]


def settled(running: Sequence[Candidate], outcomes: Outcomes) -> bool:
    """Tell whether more seeds on these images could show nothing better than the best mean so far.

    Better is by more than ``ALIKE``, by intervals that hold at once at every look. It does not
    matter here what is better than doing nothing: see ``gain``.
    """
    able = [each for each in running if each.may_win and outcomes.pairs(each)]
    best = max(able, key=outcomes.mean, default=running[0])
    rivals = [each for each in running if each is not best and outcomes.pairs(each)]
    for rival in rivals:
        found = outcomes.difference(rival, best, comparisons=LOOKS * len(rivals), overlap=False)
        if (found.mean if found.interval is None else found.interval.high) > ALIKE:
            return False
    return True
