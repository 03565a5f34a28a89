"""The public calls: one keyword per choice, gathered into the options that travel together.

The command line passes its own options straight on to these, so that the two are twins.
"""

from rebalance.api.advice import advise
from rebalance.api.baselines import evaluate, train
from rebalance.api.comparisons import compare_extractors
from rebalance.api.exchange import export, import_csv, materialize
from rebalance.api.inspections import inspect
from rebalance.api.long_tails import longtail
from rebalance.api.manifests import (
    extract,
    hybrid,
    oversample,
    undersample,
    undersample_ensemble,
)
from rebalance.api.reports import report
from rebalance.api.studies import plan_study, study

__all__ = [
    "advise",
    "compare_extractors",
    "evaluate",
    "export",
    "extract",
    "hybrid",
    "import_csv",
    "inspect",
    "longtail",
    "materialize",
    "oversample",
    "plan_study",
    "report",
    "study",
    "train",
    "undersample",
    "undersample_ensemble",
]
