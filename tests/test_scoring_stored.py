"""What a run keeps of how it decides, and what new rules are made from."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rebalance.errors import DataError
from rebalance.scoring import Centres
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import DecisionRule, find_rule
from rebalance.scoring.stored import Decisions

CLASSES = ("cat", "dog", "eel")
CENTRES = Centres(np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.1]]), 0.3)
AMOUNTS = Amounts([6.0, 3.0, 1.0], [1.0, 1.0, 4.0], [5.0, 3.0, 2.0])
COSTS = [[0, 9, 1], [1, 0, 1], [1, 1, 0]]


BY_CENTRES = DecisionRule(classifier="centres", fitted=CENTRES)


def never(chosen):
    raise AssertionError("it is known, or not asked for")


def decisions(own=None):
    return Decisions(own or DecisionRule(), AMOUNTS)


@pytest.fixture
def outputs():
    rng = np.random.default_rng(0)
    return Outputs(rng.dirichlet(np.ones(3), 40), rng.normal(size=(40, 2)).astype(np.float32))


def test_the_prior_is_of_draws_and_weights(outputs):
    rule = decisions().rule(None, "prior", CLASSES, never)
    assert rule.options["train_prior"] == pytest.approx([6 / 13, 3 / 13, 4 / 13])
    odds = outputs.probabilities / [6, 3, 4]
    assert np.array_equal(rule.decide(outputs).predicted, odds.argmax(axis=1))


def test_what_is_not_asked_for_is_as_the_run_decides(tmp_path, outputs):
    path = tmp_path / "costs.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in COSTS))
    own = find_rule("head", f"cost:{path}", CLASSES, AMOUNTS, never)
    path.unlink()
    rule = decisions(own).rule("centres", None, CLASSES, lambda chosen: CENTRES)
    assert (rule.classifier, rule.threshold) == ("centres", "cost")
    assert rule.options == {"matrix": COSTS}
    rule = decisions(BY_CENTRES).rule(None, "prior", CLASSES, never)
    assert (rule.classifier, rule.threshold) == ("centres", "prior")
    assert rule.options["train_prior"] == [1 / 3] * 3


def test_a_temperature_is_of_one_rule(tmp_path, outputs):
    labels = np.arange(40) % 3
    kept = decisions(DecisionRule().calibrated(outputs, labels))
    assert kept.rule(None, "none", CLASSES, never).temperature == kept.own.temperature
    assert kept.rule(None, "prior", CLASSES, never).temperature is None
    prior = decisions().rule(None, "prior", CLASSES, never).calibrated(outputs, labels)
    kept = kept.with_other(prior)
    read = Decisions.from_record(json.loads(json.dumps(kept.to_record())), 3)
    assert read.rule(None, "prior", CLASSES, never).temperature == prior.temperature
    assert read.rule("centres", "prior", CLASSES, lambda chosen: CENTRES).temperature is None
    other = replace(read, amounts=Amounts([1.0, 1.0, 4.0], [1.0, 1.0, 1.0]))
    assert other.rule(None, "prior", CLASSES, never).temperature is None


@pytest.mark.parametrize("temperature", [0, -1.0, "hot"])
def test_a_temperature_that_cannot_be_is_damage(temperature):
    record = {**DecisionRule().to_record(), "temperature": temperature}
    with pytest.raises(DataError, match="damaged"):
        DecisionRule.from_record(record, 3)


def test_centres_are_fitted_once():
    asked = []

    def fit(chosen):
        asked.append(1)
        return CENTRES

    kept = decisions()
    for threshold in ("none", "prior", "none"):
        kept = kept.with_other(kept.rule("centres", threshold, CLASSES, fit))
    assert len(asked) == 1
    assert set(kept.others) == {"centres, none", "centres, prior"}
    assert kept.own.classifier == "head"


def test_centres_of_the_features_of_early_runs_are_fitted_anew():
    early = decisions(replace(BY_CENTRES, fitted=replace(CENTRES, layer="pool")))
    record = json.loads(json.dumps(early.to_record()))
    del record["own"]["centres"]["layer"]
    kept = Decisions.from_record(record, len(CLASSES))
    assert kept.own.outdated
    assert kept.rule(None, None, CLASSES, lambda chosen: CENTRES).fitted is CENTRES


def test_it_comes_back_to_the_last_bit(outputs):
    kept = decisions().with_other(BY_CENTRES)
    again = Decisions.from_record(json.loads(json.dumps(kept.to_record())), len(CLASSES))
    assert again.amounts == kept.amounts
    (rule,) = again.others.values()
    for found, expected in zip(rule.decide(outputs), BY_CENTRES.decide(outputs), strict=True):
        assert np.array_equal(found, expected)


def test_a_run_of_version_0_1_tells_nothing_of_its_folder():
    record = {name: value for name, value in decisions().to_record().items() if name != "folder"}
    old = Decisions.from_record(record, len(CLASSES))
    assert old.lacks("prior:original") and not old.lacks("prior")
    assert old.to_record() == record
    rule = old.with_folder([8.0, 1.0, 1.0]).rule(None, "prior:original", CLASSES, never)
    assert rule.divided_by == [0.8, 0.1, 0.1]


@pytest.mark.parametrize(
    "change",
    [
        {"own": {}},
        {"own": None},
        {"draws": ["x"]},
        {"weights": None},
        {"folder": None},
        {"folder": [1, "x"]},
        {"others": []},
        {"others": {"a": {}}},
    ],
)
def test_what_is_damaged_is_refused(change):
    with pytest.raises(DataError, match="is damaged"):
        Decisions.from_record({**decisions().to_record(), **change}, len(CLASSES))
    with pytest.raises(DataError, match="is damaged"):
        Decisions.from_record({}, len(CLASSES))
