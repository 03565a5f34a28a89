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
from rebalance.advice.choice import ChosenAdvice, choose, hopeless, settled
from rebalance.advice.outcomes import LOOKS, Outcomes, named
from rebalance.studies.outcomes import Outcome
from rebalance.studies.summaries import Pair

FIRST_PAIRS = 5  # at least, of the first round; each further round has as many as all before it
ESSENTIAL = 3  # candidates that are tried whatever the time: nothing, the prior, the best guess

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

    began, until: seconds of ``time.time``. waiting: those that there was no time for any more.
    ended: settled, budget or pairs. pace: seconds that pass for each that cells say they took; at
    least 1, as those that were finished before take no time.
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
    pace: float = 1.0

    def choice(self) -> ChosenAdvice:
        """Choose what to recommend by the outcomes so far."""
        return choose([each for each in self.tried if self.outcomes.pairs(each)], self.outcomes)

    def go(self, seeds: Sequence[int]) -> None:
        """Try until it is settled, or there is no time or no pair left."""
        running, rounds = list(self.tried), rounds_of(seeds, self.outcomes.folds)
        for number, pairs in enumerate(rounds, start=1):
            later = sum(map(len, rounds[number:]))
            if number == 1:
                running, finished = self._first(running, pairs, later)
            else:
                running = self._affordable(running, len(pairs), later)
                finished = self._run(running, pairs)
            lost = [each for each in hopeless(running, self.outcomes) if not _stays(each)]
            self._note(number, running, lost)
            running = [each for each in running if each not in lost]
            self.waiting = [
                each for each in self.tried if each not in running and each.name not in self.dropped
            ]
            if not finished:
                self.ended = "budget"
                return
            if settled(running, self.outcomes):
                self.ended = "budget" if self.waiting else "settled"
                return
        self.ended = "budget" if self.waiting else "pairs"

    def _first(
        self, running: Sequence[Candidate], pairs: Sequence[Pair], later: int
    ) -> tuple[list[Candidate], bool]:
        """The first round: what is essential, then all on one pair, then what there is time for."""
        essential, others = list(running[:ESSENTIAL]), running[ESSENTIAL:]
        self._run(essential, pairs, math.inf)
        if not self._run(others, pairs[:1]):
            return essential, False
        able = self._affordable(running, len(pairs) - 1, later, done=True)
        return able, self._run(able[len(essential) :], pairs[1:])

    def _affordable(
        self, running: Sequence[Candidate], pairs: int, later: int, *, done: bool = False
    ) -> list[Candidate]:
        """Keep what is essential, and of the others the best that can have so many pairs in time.

        They get the time that the essential ones leave, were these to have all the pairs of this
        round, unless it is ``done``, and of those ``later``; and half of the time at least. Best
        are those of the best means, and after one pair those of most promise.
        """
        essential = [each for each in running if each in self.tried[:ESSENTIAL]]
        others = [each for each in running if each not in essential]
        if not done:
            others.sort(key=lambda each: -self.outcomes.mean(each))
        left = self.until - time.time()
        kept = (later + (0 if done else pairs)) * sum(map(self._seconds, essential))
        free, able = max(left - kept, left / 2), []
        for each in others:
            cost = pairs * self._seconds(each)
            if cost <= free:
                free -= cost
                able.append(each)
        return essential + able

    def _seconds(self, candidate: Candidate) -> float:
        if not candidate.retrains and candidate.effort:
            return 0.0  # it shares the training of doing nothing
        own = self.outcomes.of.get(candidate.name, {})
        return self.pace * median(each.seconds for each in own.values()) if own else 0.0

    def _run(
        self, running: Sequence[Candidate], pairs: Sequence[Pair], until: float | None = None
    ) -> bool:
        """Tell whether all of it was run in time."""
        began, seconds = time.time(), 0.0
        for candidate, outcome in self.run(running, pairs, self.until if until is None else until):
            self.outcomes.add(candidate.name, outcome)
            seconds += outcome.seconds
        if seconds:
            self.pace = max(1.0, (time.time() - began) / seconds)
        return all(set(pairs) <= set(self.outcomes.pairs(each)) for each in running)

    def _note(self, number: int, running: Sequence[Candidate], lost: Sequence[Candidate]) -> None:
        for each in lost:
            self.dropped[each.name] = number
        pairs = len(self.outcomes.pairs(self.tried[0]))
        since = round(time.time() - self.began, 1)
        self.rounds.append(Round(pairs, named(running), named(lost), since))


def _stays(candidate: Candidate) -> bool:
    """Doing nothing, and the prior, whose head is that of doing nothing, are always run."""
    return not candidate.effort or candidate.name == PRIOR


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
