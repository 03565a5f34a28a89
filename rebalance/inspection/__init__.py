"""What a folder holds, and what is wrong with it.

Counts per class, files that cannot be read, images that are there twice or look alike, odd ones;
and gates that a check can set on all of it. May not import torch or click.
"""

from rebalance.inspection.baselines import Known, read_baseline, without_known
from rebalance.inspection.findings import KINDS, Finding, find_all
from rebalance.inspection.gates import Gates, Outcome, check_gates, check_kinds, outcomes
from rebalance.inspection.looks import Look, look
from rebalance.inspection.resemblance import Resemblance
from rebalance.inspection.result import Inspection, Span
from rebalance.inspection.seen import Place, gallery
from rebalance.settings import SIMILAR

__all__ = [
    "KINDS",
    "SIMILAR",
    "Finding",
    "Gates",
    "Inspection",
    "Known",
    "Look",
    "Outcome",
    "Place",
    "Resemblance",
    "Span",
    "check_gates",
    "check_kinds",
    "find_all",
    "gallery",
    "look",
    "outcomes",
    "read_baseline",
    "without_known",
]
