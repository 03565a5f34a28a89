"""The public calls: one keyword per choice, gathered into the options that travel together.

The command line passes its own options straight on to these, so that the two are twins.
"""

from rebalance.api.baselines import evaluate, train
from rebalance.api.inspections import inspect
from rebalance.api.manifests import extract, hybrid, oversample, undersample
from rebalance.api.reports import report

__all__ = [
    "evaluate",
    "extract",
    "hybrid",
    "inspect",
    "oversample",
    "report",
    "train",
    "undersample",
]
