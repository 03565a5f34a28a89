"""Which samples of a class to keep: quotas, pickers within clusters, and the undersamplers.

Pure functions of arrays: they read no files, and may not import torch or click. scikit-learn and
imbalanced-learn are imported only when a function needs them.
"""

from rebalance.quotas import allot
from rebalance.undersampling.pickers import PICKERS, Picker, pick_per_cluster
from rebalance.undersampling.undersamplers import (
    BY_CHANCE,
    NEAREST,
    POOLED,
    UNDERSAMPLERS,
    Undersampler,
)

__all__ = [
    "BY_CHANCE",
    "NEAREST",
    "PICKERS",
    "POOLED",
    "UNDERSAMPLERS",
    "Picker",
    "Undersampler",
    "allot",
    "pick_per_cluster",
]
