"""How advice is reached: the grid, rounds within a time, what is dropped, chosen and left open."""

import math
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

from rebalance import seeds
from rebalance.advice import trying
from rebalance.advice.candidates import PRIOR, candidates
from rebalance.advice.choice import ALIKE, choose, hopeless, settled
from rebalance.advice.commands import AdviceRequest, commands, script
from rebalance.advice.outcomes import METRIC, Outcomes
from rebalance.advice.strength import some_of_each, strength
from rebalance.advice.telling import open_records
from rebalance.advice.trying import Trial, rounds_of
from rebalance.errors import SettingError
from rebalance.heads import fit_head
from rebalance.heads.folds import dealt
from rebalance.heads.regression import PENALTIES
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions, read_budget
from rebalance.studies.outcomes import Outcome

COUNTS = {"cat": 400, "dog": 90, "owl": 20}
TRIED = {each.name: each for each in candidates(COUNTS)}
NOTHING, BY_PRIOR, WHITENED, WEIGHTED = list(TRIED.values())[:4]
PAIRS = [(seed, fold) for seed in range(4) for fold in range(5)]


def outcome(candidate, pair, score, seconds=1.0):
    return Outcome(candidate.treatment, *pair, {METRIC: score}, None, 510, 510, seconds)


def scored(means, noise=0.004, pairs=PAIRS):
    """Outcomes of candidates by their true means; what differs between pairs is shared."""
    rng = np.random.default_rng(0)
    found, shared = Outcomes(5, 0), rng.normal(0, 0.03, len(pairs))
    for name, mean in means.items():
        own = mean + shared + rng.normal(0, noise, len(pairs))
        for pair, value in zip(pairs, own, strict=True):
            found.add(name, outcome(TRIED[name], pair, float(value)))
    return found


def chosen(means, **how):
    return choose([TRIED[name] for name in means], scored(means, **how))


@pytest.mark.parametrize(
    ("means", "wanted"),
    [
        ({"nothing": 0.7, PRIOR: 0.8, "class weights": 0.75}, PRIOR),
        ({"nothing": 0.7, PRIOR: 0.75, "class weights": 0.8}, "class weights"),
        # As good as the best, for less: no other training.
        ({"nothing": 0.7, PRIOR: 0.8, "class weights": 0.8 + ALIKE / 2}, PRIOR),
        # The best mean is noise: it cannot be told from nothing.
        ({"nothing": 0.7, PRIOR: 0.701, "class weights": 0.7}, "nothing"),
        ({"nothing": 0.7, PRIOR: 0.6, "class weights": 0.65}, "nothing"),
        # What is there to compare with is never recommended.
        ({"nothing": 0.7, PRIOR: 0.7, "random-under": 0.9}, "nothing"),
    ],
)
def test_what_asks_for_least_among_the_clearly_better_and_as_good_as_the_best(means, wanted):
    assert chosen(means).recommended.name == wanted


def test_a_gain_must_be_clear_by_an_interval_that_allows_for_the_others():
    means = {"nothing": 0.7, PRIOR: 0.7, "class weights": 0.72}
    noisy = scored(means, noise=0.01)
    bare = noisy.difference(WEIGHTED, NOTHING)
    found = choose([NOTHING, BY_PRIOR, WEIGHTED], noisy)
    allowed = found.gains["class weights"].interval
    assert bare.interval.low > 0 > allowed.low
    assert found.recommended is NOTHING
    # The same of many images more: a narrower interval.
    assert chosen(means, noise=0.005).recommended is WEIGHTED


@pytest.mark.parametrize(
    ("name", "mean", "noise", "wanted"),
    [
        (PRIOR, 0.715, 0.013, BY_PRIOR),
        (PRIOR, 0.715, 0.04, NOTHING),  # as likely to harm
        (PRIOR, 0.704, 0.007, NOTHING),  # too little to matter
        (PRIOR, 0.69, 0.013, NOTHING),
        ("class weights", 0.72, 0.01, NOTHING),  # needs a training
    ],
)
def test_what_needs_no_training_is_recommended_where_it_is_likely_to_help(
    name, mean, noise, wanted
):
    means = {"nothing": 0.7, PRIOR: 0.7, "class weights": 0.7} | {name: mean}
    found = choose([NOTHING, BY_PRIOR, WEIGHTED], scored(means, noise=noise))
    assert not found.gains[name].above_zero and found.best is None
    assert found.recommended is wanted


def test_who_is_clearly_behind_the_best_is_dropped_and_nobody_else():
    found = scored({"nothing": 0.7, PRIOR: 0.8, "class weights": 0.795, "smote": 0.6})
    running = [NOTHING, BY_PRIOR, WEIGHTED, TRIED["smote"]]
    assert {each.name for each in hopeless(running, found)} == {"nothing", "smote"}
    assert hopeless(running, Outcomes(5, 0)) == []


def test_it_is_settled_when_more_seeds_could_show_nothing_better():
    running = [NOTHING, BY_PRIOR, WEIGHTED]
    close = scored({"nothing": 0.7, PRIOR: 0.8, WEIGHTED.name: 0.801}, noise=0.001)
    assert settled(running, close)
    still = scored({"nothing": 0.7, PRIOR: 0.8, WEIGHTED.name: 0.801}, noise=0.02)
    assert not settled(running, still)


def test_what_is_possible_on_these_sizes_is_tried():
    assert {"nothing", PRIOR, "class weights", "eos", "coverage-typical to 4x + prior"} <= set(
        TRIED
    )
    assert sum(each.trust for each in TRIED.values()) <= 1 + 1e-12
    # Classes within 4 to 1 of each other are not cut to 4 times the smallest.
    assert not any("4x" in each.name for each in candidates({"cat": 40, "dog": 20}))
    # Where all are alike there is nothing to even out.
    even = candidates({"cat": 40, "dog": 40})
    assert not any(each.definition.rebalance.changes for each in even)


class Clock:
    """A time that passes by as many seconds as cells take."""

    def __init__(self):
        self.now, self.run = 1000.0, []

    def time(self):
        return self.now

    def cells(self, seconds):
        def run(running, pairs, until):
            for pair in pairs:
                for each in running:
                    if self.now >= until:
                        return
                    self.now += seconds
                    self.run.append((each.name, pair))
                    yield each, outcome(each, pair, 0.7 + 0.1 * (each.name == PRIOR), seconds)

        return run


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(trying.time, "time", made.time)
    return made


def trial_of(clock, budget, seconds=1.0):
    tried = list(TRIED.values())
    made = Trial(tried, Outcomes(5, 0), clock.cells(seconds), clock.now, clock.now + budget)
    made.go(range(8))
    return made


def test_what_is_essential_is_tried_whatever_the_time(clock):
    found = trial_of(clock, budget=0)
    assert found.ended == "budget"
    assert {name for name, _ in clock.run} == {"nothing", PRIOR, WHITENED.name}
    assert len(clock.run) == 15 and [each.pairs for each in found.rounds] == [5]
    assert len(found.waiting) == len(TRIED) - 3
    assert found.choice().gains.keys() == {PRIOR, WHITENED.name}


@pytest.mark.parametrize("budget", [20, 31, 60, 90, 200])
def test_a_trial_never_takes_more_than_its_time_and_one_cell(clock, budget):
    began = clock.now
    found = trial_of(clock, budget)
    assert clock.now - began <= budget + 1
    tried = {name for name, pair in clock.run if pair == (0, 0)}
    told = {each.name for each in found.waiting}
    # Everything either has the pairs of the first round, or is told to have lacked the time.
    whole = {name for name in tried if (name, (0, 4)) in clock.run}
    assert whole | told | (set(TRIED) if found.ended == "budget" else set()) >= set(TRIED)


def test_rounds_double_until_there_are_no_more_seeds():
    assert [len(pairs) for pairs in rounds_of(range(100), 2)] == [6, 6, 12, 24]
    every = [pair for pairs in rounds_of(range(8), 5) for pair in pairs]
    assert len(every) == len(set(every)) == 40


def test_an_open_question_takes_as_many_images_as_narrow_its_interval_to_its_mean(clock):
    trial = Trial(list(TRIED.values()), scored({}), clock.cells(1), 0, 0)
    trial.outcomes = scored({"nothing": 0.7, "class weights": 0.712}, noise=0.02)
    choice = trial.choice()
    (asked,) = open_records(trial, choice, 1000, 50)
    found = trial.outcomes.difference(WEIGHTED, NOTHING)
    half = found.mean - found.interval.low
    assert asked["question"] == "class weights" and half > found.mean > ALIKE
    # With so many more, an interval that narrows by the root of the number would just exclude 0.
    more = asked["images"]
    assert half * math.sqrt(1000 / (1000 + more)) == pytest.approx(found.mean, rel=1e-3)
    assert asked["groups"] == math.ceil(more / 20)


def test_one_strength_is_one_prior_for_any_number_of_images():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [90, 30, 12])
    features = rng.normal(size=(132, 6)) + 1.5 * np.eye(6)[labels]
    found = strength(features, labels, np.arange(132), 0)
    fold = dealt(labels, np.arange(132), 3, seeds.integer(0, "strength"), grouped=False)
    seen = fold > 0
    tried = {}
    for penalty in PENALTIES:
        head = fit_head("logistic", features[seen], labels[seen], 3, whiten=0.0, penalty=penalty)
        logits = head.layer.logits(features[~seen]) - np.log(np.bincount(labels[seen]))
        losses = -log_softmax(logits, axis=1)[np.arange((~seen).sum()), labels[~seen]]
        tried[penalty] = np.mean([losses[labels[~seen] == each].mean() for each in range(3)])
    assert found == pytest.approx(min(tried, key=tried.get) * seen.sum())
    some = some_of_each(np.repeat([0, 1], [5000, 30]), 0)
    assert np.bincount((some >= 5000).astype(int)).tolist() == [400, 30]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), ("0.5m", 30)]
)
def test_a_budget_is_a_number_of_seconds_minutes_or_hours(text, seconds):
    assert read_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 weeks", "-5m", "0s", "nanm", "infh", "9999h"])
def test_a_budget_that_is_none_is_refused_in_a_line(text):
    with pytest.raises(SettingError, match="budget") as refused:
        read_budget(text)
    assert "\n" not in str(refused.value)


ODD = Path('it\'s $HOME "folder"')


def asked_of(**other):
    plain = AdviceRequest(
        *("photos", ODD, "test", None, None, "5m", 5),
        *(ExtractorOptions(), FolderOptions(), RunOptions()),
    )
    return replace(plain, **other)


def test_odd_names_stay_one_word_in_a_script(tmp_path):
    lines = commands(TRIED["coverage-typical"], asked_of(data=ODD / "a\nb;c", test=None))
    # A shell that only lists what it was given.
    spoken = tmp_path / "rebalance"
    spoken.write_text('#!/bin/sh\nfor each in "$@"; do printf "<%s>" "$each"; done\necho\n')
    spoken.chmod(0o755)
    text = script(lines, lines, asked_of(test=None), tmp_path)
    (tmp_path / "do.sh").write_text(text)
    how = {"env": {"PATH": f"{tmp_path}:/usr/bin:/bin"}, "capture_output": True, "text": True}
    done = subprocess.run(["sh", "do.sh", "my tests"], cwd=tmp_path, check=True, **how)
    first, second = done.stdout.replace("a\nb", "a b").splitlines()
    assert first.startswith(f"<undersample><{ODD}/a b;c><-o><{ODD}/balanced.csv>")
    assert f"<--test><{tmp_path}/my tests>" in second and second.startswith("<train>")
    # Features of test images are in a file that is given, or in that of the others.
    files = ExtractorOptions(features="it's.npy", names="its names")
    asked = asked_of(test=None, extractor=files)
    text = script(commands(TRIED["coverage-typical"], asked), (), asked, tmp_path)
    (tmp_path / "do.sh").write_text(text)
    for more, seen in ((), ("it's.npy", "its names")), (("a b", "c"), ("a b", "c")):
        done = subprocess.run(["sh", "do.sh", "t", *more], cwd=tmp_path, check=True, **how)
        for line in done.stdout.splitlines():
            assert "<--features><it's.npy><--names><its names>" in line
        told = "<--test-features><{0}/{1}><--test-names><{0}/{2}>".format(tmp_path, *seen)
        assert told in line
    alone = subprocess.run(["sh", "do.sh"], cwd=tmp_path, check=False, **how)
    assert alone.returncode and "test images" in alone.stderr
