"""Trying the candidates by rounds: everything that can still win, on more and more pairs.

What is run, and how long it takes, comes in as functions, so that this is plain bookkeeping. May
not import torch or click.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from rebalance.advice.candidates import PRIOR, Candidate
from rebalance.advice.choice import Choice, choose, hopeless, settled
from rebalance.advice.outcomes import LOOKS, Outcomes, named
from rebalance.studies.outcomes import Outcome
from rebalance.studies.summaries import Pair

FIRST_PAIRS = 5  # at least, of the first round; each further round has as many as all before it
ESSENTIAL = 3  # candidates that are tried whatever the time: nothing, the prior, the best guess
ROUNDS_AHEAD = 2  # what is kept after the first pair is to have time for so many rounds

# From candidates and pairs to the outcomes of those cells that were finished before the time given.
Run = Callable[[Sequence[Candidate], Sequence[Pair], float], Iterable[tuple[Candidate, Outcome]]]


@dataclass(frozen=True)
class Round:
    """One round. pairs: that each had by its end. seconds: since the beginning of it all."""

    pairs: int
    candidates: list[str]
    dropped: list[str]
    seconds: float


@dataclass
class Trial:
    """The trying of candidates, and how it went.

    began, until: seconds of ``time.time``. waiting: those that there was no time for after one
    pair. ended: settled, budget or pairs.
    """

    tried: Sequence[Candidate]
    outcomes: Outcomes
    run: Run
    began: float
    until: float
    rounds: list[Round] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    waiting: list[Candidate] = field(default_factory=list)
    ended: str = ""

    def choice(self) -> Choice:
        """What is recommended by what is known so far."""
        return choose([each for each in self.tried if self.outcomes.pairs(each)], self.outcomes)

    def go(self, seeds: Sequence[int]) -> None:
        """Try until it is settled, or there is no time or no pair left."""
        running = list(self.tried)
        for number, pairs in enumerate(rounds_of(seeds, self.outcomes.folds), start=1):
            finished = self._first(running, pairs) if number == 1 else None
            running = [each for each in running if each not in self.waiting]
            if finished is None:
                finished = self._run(running, pairs)
            lost = [
                each
                for each in hopeless(running, self.outcomes)
                if each.effort and not _stays(each)
            ]
            self._note(number, running, lost)
            running = [each for each in running if each not in lost]
            if not finished:
                self.ended = "budget"
                return
            if settled(running, self.outcomes):
                self.ended = "settled"
                return
        self.ended = "pairs"

    def _first(self, running: Sequence[Candidate], pairs: Sequence[Pair]) -> bool:
        """The first round: what is essential, then all on one pair, then what there is time for."""
        essential, others = running[:ESSENTIAL], running[ESSENTIAL:]
        self._run(essential, pairs, math.inf)
        if not self._run(others, pairs[:1]):
            self.waiting = [each for each in others if not self.outcomes.pairs(each)]
            return False
        able = self._affordable(essential, others, len(pairs))
        self.waiting = [each for each in others if each not in able]
        return self._run(able, pairs[1:])

    def _affordable(
        self, essential: Sequence[Candidate], others: Sequence[Candidate], pairs: int
    ) -> list[Candidate]:
        """Keep those of most promise that can have ``ROUNDS_AHEAD`` rounds in the time left."""
        left = self.until - time.time()
        spent = sum(map(self._seconds, essential)) * pairs * (ROUNDS_AHEAD - 1)
        able = []
        for each in others:
            cost = self._seconds(each) * (pairs * ROUNDS_AHEAD - 1)
            if spent + cost <= left:
                spent += cost
                able.append(each)
        return able

    def _seconds(self, candidate: Candidate) -> float:
        if not candidate.retrains and candidate.effort:
            return 0.0  # it shares the training of doing nothing
        own = self.outcomes.of.get(candidate.name, {})
        return median(each.seconds for each in own.values()) if own else 0.0

    def _run(
        self, running: Sequence[Candidate], pairs: Sequence[Pair], until: float | None = None
    ) -> bool:
        """Tell whether all of it was run in time."""
        for candidate, outcome in self.run(running, pairs, self.until if until is None else until):
            self.outcomes.add(candidate.name, outcome)
        return all(set(pairs) <= set(self.outcomes.pairs(each)) for each in running)

    def _note(self, number: int, running: Sequence[Candidate], lost: Sequence[Candidate]) -> None:
        for each in lost:
            self.dropped[each.name] = number
        pairs = len(self.outcomes.pairs(self.tried[0]))
        since = round(time.time() - self.began, 1)
        self.rounds.append(Round(pairs, named(running), named(lost), since))


def _stays(candidate: Candidate) -> bool:
    """Doing nothing, and the prior, whose head is that of doing nothing, are always run."""
    return candidate.name == PRIOR


def rounds_of(seeds: Sequence[int], folds: int) -> list[list[Pair]]:
    """Deal out seeds to rounds, each of as many pairs as all before it together.

    >>> from rebalance.advice.trying import rounds_of
    >>> [len(pairs) for pairs in rounds_of(range(100), 5)]
    [5, 5, 10, 20]
    """
    first = math.ceil(FIRST_PAIRS / folds)
    ends = [0, *(first * 2**number for number in range(LOOKS))]
    return [
        [(seed, fold) for seed in seeds[start:end] for fold in range(folds)]
        for start, end in pairwise(ends)
    ]


def seeds_needed(folds: int) -> int:
    """Count the seeds of all rounds."""
    return math.ceil(FIRST_PAIRS / folds) << (LOOKS - 1)
