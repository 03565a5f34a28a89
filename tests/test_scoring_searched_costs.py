"""Costs searched on held-out images: a fine grid, what is kept of them, and what is refused."""

import json

import numpy as np
import pytest

from rebalance.errors import SettingError
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.rules import DecisionRule, find_rule
from rebalance.scoring.searched_costs import check_held, search_costs
from rebalance.scoring.stored import Decisions
from rebalance.scoring.thresholds import THRESHOLDS


def said_of(counts, seed=0):
    """Probabilities that know the class shares, and the labels that they are of."""
    rng, counts = np.random.default_rng(seed), np.array(counts)
    labels = np.repeat(np.arange(len(counts)), counts)
    logits = rng.normal(size=(len(labels), len(counts))) + np.log(counts)
    logits[np.arange(len(labels)), labels] += 2
    said = np.exp(logits)
    return said / said.sum(axis=1, keepdims=True), labels


def recall(said, labels, costs):
    """The mean recall of deciding by costs of the true class, by a slow loop over images."""
    found = [[] for _ in costs]
    for row, label in zip(said, labels, strict=True):
        expected = [
            sum(costs[true] * row[true] for true in range(len(costs)) if true != decided)
            for decided in range(len(costs))
        ]
        found[label].append(int(np.argmin(expected)) == label)
    return np.mean([np.mean(hits) for hits in found])


def test_of_two_classes_the_search_finds_what_a_fine_grid_finds():
    said, labels = said_of([90, 9])
    found = search_costs(said, labels, "validation images", seed=0)
    grid = [(1.0, cost) for cost in np.geomspace(1e-3, 1e3, 1201)]
    scores = [recall(said, labels, costs) for costs in grid]
    assert found.best == pytest.approx(max(scores), abs=1e-12)
    assert found.best == pytest.approx(recall(said, labels, found.costs), abs=1e-12)
    assert found.plain == pytest.approx(recall(said, labels, (1, 1)), abs=1e-12)
    # Of costs that do alike, the nearest to equal ones.
    least = min(costs[1] for costs, score in zip(grid, scores, strict=True) if score == max(scores))
    assert found.costs == pytest.approx((1.0, least), rel=0.02)


def test_of_three_classes_it_is_at_least_as_good_as_a_grid():
    said, labels = said_of([60, 20, 5])
    found = search_costs(said, labels, "validation images", seed=0)
    steps = np.geomspace(0.1, 100, 31)
    grid = np.array([(1.0, one, other) for one in steps for other in steps])
    decided = (said[None] * grid[:, None]).argmax(axis=2)
    hits = [(decided == labels)[:, labels == label].mean(axis=1) for label in range(3)]
    assert found.best >= np.mean(hits, axis=0).max() - 1e-12


def test_the_same_seed_searches_the_same_and_the_decision_is_by_the_matrix():
    said, labels = said_of([40, 15, 10, 5])
    found = search_costs(said, labels, "validation images", seed=3)
    assert search_costs(said, labels, "validation images", seed=3) == found
    decided = THRESHOLDS["cost"](said, matrix=found.matrix).predicted
    hits = [(decided == label)[labels == label].mean() for label in range(4)]
    assert found.best == np.mean(hits) > found.plain
    assert min(found.costs) == 1
    assert f"images: a {found.costs[0]:.3g}, b {found.costs[1]:.3g}, c" in found.told("abcd")


def test_where_nothing_is_better_costs_stay_equal():
    found = search_costs(np.eye(3)[[0, 0, 0, 1, 2]] * 0.7 + 0.1, [0, 0, 0, 1, 2], "x", seed=0)
    assert (found.costs, found.plain, found.best) == ((1.0, 1.0, 1.0), 1.0, 1.0)


def test_a_class_without_images_is_one_line():
    with pytest.raises(SettingError, match="of class 'dog' there are none: hold some") as error:
        check_held([0, 2], ("cat", "dog", "eel"), "--threshold cost:search")
    assert "\n" not in str(error.value)


def test_a_run_keeps_the_costs_and_how_they_were_searched():
    said, labels = said_of([40, 15, 5])
    outputs, classes = Outputs(said, np.empty((60, 0), np.float32)), ("a", "b", "c")
    amounts = Amounts([40.0, 15.0, 5.0], [1.0] * 3, [40.0, 15.0, 5.0])
    rule = find_rule("head", "cost:search", classes, amounts, lambda: None)
    assert rule.decide(outputs).predicted.tolist() == said.argmax(axis=1).tolist()
    chosen = rule.chosen_on(outputs, labels.tolist(), "5 folds", seed=0)
    kept = Decisions(DecisionRule(), amounts)
    with pytest.raises(SettingError, match="keeps nothing of that: train with --val or"):
        kept.check(None, "cost:search", classes, {})
    with pytest.raises(SettingError, match="train with --classifier centres --threshold cost:s"):
        kept.check("centres", "cost:search", classes, {})
    record = kept.with_other(chosen).to_record()
    read = Decisions.from_record(json.loads(json.dumps(record)), 3)
    found = read.rule(None, "cost:search", classes, lambda: None)
    assert (found.asked, found.chosen) == ("cost:search", chosen.chosen)
    assert found.decide(outputs).predicted.tolist() == chosen.decide(outputs).predicted.tolist()
    # A temperature is of the probabilities, which costs leave as they are.
    plain = DecisionRule().calibrated(outputs, labels.tolist())
    assert chosen.calibrated(outputs, labels.tolist()).temperature == plain.temperature
