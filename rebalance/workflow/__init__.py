"""The few stories that tie the rest together, one for each command.

Each is one function, for the command line and for Python alike. What a story does not need, it
does not import.
"""

from rebalance.workflow.ensembles import undersample_ensemble
from rebalance.workflow.features import extract
from rebalance.workflow.inspection import inspect
from rebalance.workflow.long_tails import longtail
from rebalance.workflow.oversampling import hybrid, oversample
from rebalance.workflow.reporting import report
from rebalance.workflow.undersampling import undersample

__all__ = [
    "extract",
    "hybrid",
    "inspect",
    "longtail",
    "oversample",
    "report",
    "undersample",
    "undersample_ensemble",
]
