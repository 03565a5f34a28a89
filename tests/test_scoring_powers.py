"""The power of class shares chosen on held-out images: a slow search, and what drew the labels."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from rebalance.errors import SettingError
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.powers import POWERS, try_powers
from rebalance.scoring.rules import DecisionRule, find_rule
from rebalance.scoring.stored import Decisions

PRIOR, EVEN = [0.7, 0.2, 0.1], [1 / 3] * 3
RNG = np.random.default_rng(0)
EVIDENCE = RNG.normal(0, 2, (3000, 3))
# Of a set with as many images of each class, though training saw others: it is one and a half times
# too sure, of the prior too.
LABELS = np.array([RNG.choice(3, p=row) for row in softmax(EVIDENCE, axis=1)])
SAID = softmax(1.5 * (EVIDENCE + np.log(PRIOR)), axis=1)
OUTPUTS = Outputs(SAID, np.empty((3000, 0), np.float32))
AMOUNTS = Amounts([7.0, 2.0, 1.0], [1.0] * 3, [7.0, 2.0, 1.0])


def never():
    raise AssertionError("a head asks for no centres")


def test_the_loss_of_each_power_is_that_of_a_slow_search():
    said, labels = SAID[:60], LABELS[:60]
    losses = try_powers(said, labels, PRIOR, EVEN)
    assert tuple(losses) == POWERS
    for power in (0.0, 1.25, 3.0):

        def slow(temperature, power=power):
            by_class = [[], [], []]
            for row, label in zip(said, labels, strict=True):
                odds = [
                    (each / share**power) ** (1 / temperature)
                    for each, share in zip(row, PRIOR, strict=True)
                ]
                by_class[label].append(-np.log(odds[label] / sum(odds)))
            return np.mean([np.mean(each) for each in by_class])

        best = minimize_scalar(slow, bounds=(0.05, 20), method="bounded")
        assert losses[power] == pytest.approx(best.fun, rel=1e-4)


def test_a_network_that_is_too_sure_needs_the_power_of_its_sureness():
    rule = find_rule("head", "prior:val", ("a", "b", "c"), AMOUNTS, never)
    chosen = rule.with_power(OUTPUTS, LABELS.tolist(), "validation images")
    assert chosen.options["tau"] == 1.5 and chosen.asked == "prior:val"
    expected = (SAID / np.power(PRIOR, 1.5)).argmax(axis=1)
    assert chosen.decide(OUTPUTS).predicted.tolist() == expected.tolist()
    # Its temperature is for as many images of each class again, whatever the power.
    assert chosen.calibrated(OUTPUTS, LABELS.tolist()).temperature == pytest.approx(1.5, rel=0.06)


def test_a_run_keeps_the_power_and_how_it_was_chosen():
    rule = find_rule("head", "prior:val", ("a", "b", "c"), AMOUNTS, never)
    kept = Decisions(DecisionRule(), AMOUNTS)
    with pytest.raises(SettingError, match="this one had none then: train with --val or"):
        kept.check(None, "prior:val", ("a", "b", "c"), {})
    with pytest.raises(SettingError, match="the nearest centre knows of no class shares"):
        kept.check("centres", "prior:val", ("a", "b", "c"), {})
    kept = kept.with_other(rule.with_power(OUTPUTS, LABELS.tolist(), "5 folds"))
    read = Decisions.from_record(json.loads(json.dumps(kept.to_record())), 3)
    found = read.rule(None, "prior:val", ("a", "b", "c"), never)
    assert found.options["tau"] == 1.5 and found.chosen == kept.others["head, prior:val"].chosen
    assert (found.chosen.by, found.chosen.best) == ("5 folds", 1.5)
    assert read.rule(None, "prior", ("a", "b", "c"), never).chosen is None
