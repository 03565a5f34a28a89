"""From a network's outputs to decisions, and how good they are.

``outputs`` is what a network says of images; ``centres``, ``costs`` and ``thresholds`` are ways to
decide, and ``rules`` a choice among them, fitted on training data, never on the test set;
``stored`` is what a run keeps of it. ``evaluation`` scores decisions; an ``Evaluator`` does all of
it with networks, on one device or among several processes. What is offered here are pure functions
of arrays; only what runs a network imports torch, when it does, and nothing imports click.
"""

from rebalance.scoring.centres import Centres, class_centres, nearest_centre
from rebalance.scoring.costs import check_cost, cost_decision, cost_threshold
from rebalance.scoring.priors import effective_prior, prior_shift
from rebalance.scoring.temperature import fit_temperature, tempered
from rebalance.scoring.thresholds import THRESHOLDS, Decision

__all__ = [
    "THRESHOLDS",
    "Centres",
    "Decision",
    "check_cost",
    "class_centres",
    "cost_decision",
    "cost_threshold",
    "effective_prior",
    "fit_temperature",
    "nearest_centre",
    "prior_shift",
    "tempered",
]
