"""Linear heads on features that stay as they are: how features are scaled, and what is fitted.

Everything is a function of arrays. May not import torch or click.
"""

from rebalance.heads.choices import (
    HEADS,
    WHITEN,
    Head,
    LinearHead,
    check_labels,
    fit_head,
    head_of,
)
from rebalance.heads.folds import Sides, sides_of
from rebalance.heads.linear import Linear

__all__ = [
    "HEADS",
    "WHITEN",
    "Head",
    "Linear",
    "LinearHead",
    "Sides",
    "check_labels",
    "fit_head",
    "head_of",
    "sides_of",
]
