"""Which samples of a class to add: repetitions of one, or recipes that blend two.

Pure functions of arrays: they read no files, and may not import torch or click. numpy is all they
need; only ``cluster`` imports the clustering, when it has to find clusters itself.
"""

from rebalance.oversampling.oversamplers import BY_CHANCE, OVERSAMPLERS, Oversampler
from rebalance.oversampling.recipes import Added, synthesise
from rebalance.oversampling.samples import DANGER_NEIGHBOURS, Nearest, SamplerOptions
from rebalance.oversampling.subclusters import cluster_total

__all__ = [
    "BY_CHANCE",
    "DANGER_NEIGHBOURS",
    "OVERSAMPLERS",
    "Added",
    "Nearest",
    "Oversampler",
    "SamplerOptions",
    "cluster_total",
    "synthesise",
]
