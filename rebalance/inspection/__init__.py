"""An inspection finds out what a folder holds, and what is wrong with it.

Counts per class, files that cannot be read, images that are there twice or look alike, odd ones;
and gates that a check can set on all of it. May not import torch or click.
"""

from rebalance.inspection.baselines import Known, read_baseline, without_known
from rebalance.inspection.description import ImageDescription, describe_image, describe_set
from rebalance.inspection.findings import KINDS, Finding, find_all
from rebalance.inspection.gates import GateOutcome, Gates, check_gates, check_kinds, gate_outcomes
from rebalance.inspection.inspected import ImagePlace, inspected_images
from rebalance.inspection.resemblance import Resemblance
from rebalance.inspection.result import Inspection, Span
from rebalance.settings import SIMILAR

__all__ = [
    "KINDS",
    "SIMILAR",
    "Finding",
    "GateOutcome",
    "Gates",
    "ImageDescription",
    "ImagePlace",
    "Inspection",
    "Known",
    "Resemblance",
    "Span",
    "check_gates",
    "check_kinds",
    "describe_image",
    "describe_set",
    "find_all",
    "gate_outcomes",
    "inspected_images",
    "read_baseline",
    "without_known",
]
