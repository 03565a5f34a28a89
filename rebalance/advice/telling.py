"""The record of advice, made of a trial: numbers and names; ``words`` makes the sentences.

Imports numpy; may not import torch or click.
"""

import math
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import cast

from rebalance import __version__
from rebalance.advice.bench import Bench
from rebalance.advice.candidates import Candidate
from rebalance.advice.choice import ALIKE, ChosenAdvice
from rebalance.advice.collecting import short_looks
from rebalance.advice.commands import MANIFEST, AdviceRequest, commands, without_training
from rebalance.advice.looks import looks
from rebalance.advice.outcomes import METRIC, Outcomes, PairedGain
from rebalance.advice.trying import Trial
from rebalance.advice.words import told
from rebalance.data.counts import named_counts
from rebalance.inspection import Inspection
from rebalance.records import (
    AdviceRecord,
    AdviceStory,
    CandidateRecord,
    ChangeRecord,
    ClassChange,
    CollectionRecord,
    GainRecord,
    OpenRecord,
    RoundRecord,
    StepRecord,
    TreatmentRecord,
)
from rebalance.records.advice import FORMAT, Standing
from rebalance.settings import calls, read_budget
from rebalance.settings.spelling import flags
from rebalance.studies.outcomes import BY_CLASS, Outcome

CALIBRATION = "ece_balanced"

FEWEST = 2  # pairs, below which there is no interval
MOST_TIMES = 20  # as many images as there are, beyond which nobody is told how many it would take


def recorded(
    found: Inspection,
    bench: Bench,
    trial: Trial,
    asked: AdviceRequest,
    collection: CollectionRecord | None = None,
) -> AdviceRecord:
    """Make the record of what was seen and tried, with its sentences."""
    choice, prior, setup = trial.choice(), prior_of(trial.tried), bench.setup
    best = choice.recommended
    helps = prior is not None and choice.gains[prior.name].above_zero
    second = prior if helps and prior is not best else None
    record: AdviceRecord = {
        "format": FORMAT,
        "story": _story(found, bench, trial, asked),
        "looks": looks(found, setup.groups_per_class, asked.folds, grouped=bench.grouped),
        "do": _step(best, commands(best, asked)),
        "second": None if second is None else _step(second, without_training(second, asked)),
        "cutting": [],
        "no_help": [],
        "open": open_records(trial, choice, len(setup.images.paths), bench.groups),
        "candidates": candidate_records(trial, choice, second),
        "rounds": [cast(RoundRecord, asdict(each)) for each in trial.rounds],
    }
    if collection is not None:
        record["collection"] = collection
        record["looks"] += short_looks(collection, list(setup.images.paths))
    return told(record)


def _step(each: Candidate, lines: list[str]) -> StepRecord:
    manifest = MANIFEST if each.definition.rebalance.changes else None
    return {"name": each.name, "sentences": [], "commands": lines, "manifest": manifest}


def _story(found: Inspection, bench: Bench, trial: Trial, asked: AdviceRequest) -> AdviceStory:
    setup, call = bench.setup, calls.ADVISE
    every = {**vars(asked), **vars(asked.extractor), **vars(asked.source), **vars(asked.run)}
    given = {name: each for name, each in every.items() if name in call.keywords()}
    words = ["rebalance", "advise", str(asked.data), "-o", str(asked.output)]
    return {
        "data": str(asked.data),
        "root": str(found.root.resolve()),
        "test": None if asked.test is None else str(asked.test),
        "images": len(setup.images.paths),
        "counts": named_counts(setup.images),
        "test_images": 0 if setup.test is None else len(setup.test.paths),
        "extractor": asked.extractor.as_record(),
        "groups": None if asked.groups is None else str(asked.groups),
        "groups_per_class": setup.groups_per_class,
        "folds": asked.folds,
        "seed": asked.run.seed,
        "metric": METRIC,
        "budget": read_budget(asked.budget),
        "seconds": round(time.time() - trial.began, 1),
        "ended": trial.ended,
        "version": __version__,
        "command": shlex.join([*words, *flags(call, given)]),
    }


def candidate_records(
    trial: Trial, choice: ChosenAdvice, second: Candidate | None
) -> list[CandidateRecord]:
    """Tell what came of each candidate that was run, the best mean first."""
    known = [each for each in trial.tried if trial.outcomes.pairs(each)]
    known.sort(key=lambda each: (-trial.outcomes.mean(each), each.effort))
    return [_candidate(each, trial, choice, second) for each in known]


def _candidate(
    each: Candidate, trial: Trial, choice: ChosenAdvice, second: Candidate | None
) -> CandidateRecord:
    outcomes, nothing, prior = trial.outcomes, trial.tried[0], prior_of(trial.tried)
    own = list(outcomes.of[each.name].values())
    classes = class_changes(each, nothing, outcomes)
    known = [one for one in classes if one["before"] is not None]
    gain = choice.gains.get(each.name)
    beside = None if prior is None or each is prior else outcomes.difference(each, prior)
    tested = None
    if own[0].test is not None:
        tested = gain_record(outcomes.difference(each, nothing, test=True))
    return {
        "name": each.name,
        "does": "",
        "treatment": cast(TreatmentRecord, asdict(each.treatment)),
        "retrains": each.retrains,
        "standing": _standing(each, choice, second),
        "dropped": trial.dropped.get(each.name),
        "images": float(median(outcome.images for outcome in own)),
        "score": _number(outcomes.mean(each)),
        "gain": NO_GAIN if gain is None else gain_record(gain),
        "beside_prior": None if beside is None else gain_record(beside),
        "test_gain": tested,
        "worst": min(known, key=lambda one: one["before"] or 0.0) if known else None,
        "classes": classes,
        "calibration": _change(each, nothing, outcomes, CALIBRATION),
        "seconds": round(float(median(outcome.seconds for outcome in own)), 3),
    }


NO_GAIN: GainRecord = {"pairs": 0, "mean": None, "low": None, "high": None}


def prior_of(tried: Sequence[Candidate]) -> Candidate | None:
    """Return the candidate that only decides by the class shares; None where classes are even."""
    found = [each for each in tried if each.effort and not each.retrains]
    return found[0] if found else None


def _standing(each: Candidate, choice: ChosenAdvice, second: Candidate | None) -> Standing:
    if each is choice.recommended:
        return "recommended"
    if each is second:
        return "second"
    if each.control:
        return "control"
    gain = choice.gains[each.name]
    return "helps" if gain.above_zero else "worse" if gain.below_zero else "no help"


def gain_record(found: PairedGain) -> GainRecord:
    """Tell a difference with its interval."""
    around = found.interval
    return {
        "pairs": len(found.values),
        "mean": _number(found.mean),
        # numpy's numbers are no others in JSON, but their comparisons are.
        "low": None if around is None else float(around.low),
        "high": None if around is None else float(around.high),
    }


def class_changes(each: Candidate, nothing: Candidate, outcomes: Outcomes) -> list[ClassChange]:
    """Tell each class's recall without a candidate and with it, over the pairs that both have."""
    pairs = sorted(set(outcomes.pairs(each)) & set(outcomes.pairs(nothing)))
    recalls = [[_recalls(outcomes.of[one.name][pair]) for pair in pairs] for one in (nothing, each)]
    names = dict.fromkeys(name for found in recalls[0] for name in found)
    return [
        {"name": name, "before": _mean(recalls[0], name), "after": _mean(recalls[1], name)}
        for name in names
    ]


def _recalls(outcome: Outcome) -> dict[str, float]:
    found = outcome.metrics.items()
    return {name[len(BY_CLASS) :]: value for name, value in found if name.startswith(BY_CLASS)}


def _mean(found: Sequence[Mapping[str, float]], name: str) -> float | None:
    values = [each[name] for each in found if not math.isnan(each.get(name, math.nan))]
    return sum(values) / len(values) if values else None


def _change(each: Candidate, nothing: Candidate, outcomes: Outcomes, metric: str) -> ChangeRecord:
    return {
        "before": _number(outcomes.mean(nothing, metric)),
        "after": _number(outcomes.mean(each, metric)),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def open_records(
    trial: Trial, choice: ChosenAdvice, images: int, groups: int | None
) -> list[OpenRecord]:
    """Tell which candidates might be better than what is recommended, and what would tell.

    images, groups: how many there are. An interval narrows with the root of their number, so that
    it takes (half its width / mean)² times as many until it excludes 0.
    """
    found: list[OpenRecord] = []
    for each in trial.tried:
        if not each.effort or each.control or each is choice.recommended:
            continue
        if len(trial.outcomes.pairs(each)) < FEWEST and each in trial.waiting:
            found.append(_unasked(each))
            continue
        beside = trial.outcomes.difference(each, choice.recommended)
        around = beside.interval
        if around is None or beside.mean <= ALIKE or around.low > 0:
            continue
        times = ((beside.mean - around.low) / beside.mean) ** 2 - 1
        found.append(
            {
                "question": each.name,
                "sentence": "",
                "images": _more(images, times),
                "groups": None if groups is None else _more(groups, times),
            }
        )
    return found


def _unasked(each: Candidate) -> OpenRecord:
    return {"question": each.name, "sentence": "", "images": None, "groups": None}


def _more(count: int, times: float) -> int | None:
    return math.ceil(count * times) if times <= MOST_TIMES else None
