"""What a user can choose, each default written once.

The command line reads its defaults, and its help, from these classes; Python callers pass the same
names as keyword arguments. Imports nothing but the standard library and our errors.
"""

from rebalance.settings.rebalancing import (
    CLUSTER_SPACES,
    SPACES,
    Growth,
    SelectionOptions,
    SynthesisOptions,
    Targets,
)
from rebalance.settings.running import (
    DEVICES,
    LAYERS,
    PRECISIONS,
    ExtractorOptions,
    FolderOptions,
    RunOptions,
)
from rebalance.settings.training import (
    AUGMENTATIONS,
    IN_MEMORY,
    LOSSES,
    RECIPES,
    Recipe,
    ScoringOptions,
    TrainOptions,
)

__all__ = [
    "AUGMENTATIONS",
    "CLUSTER_SPACES",
    "DEVICES",
    "IN_MEMORY",
    "LAYERS",
    "LOSSES",
    "PRECISIONS",
    "RECIPES",
    "SPACES",
    "ExtractorOptions",
    "FolderOptions",
    "Growth",
    "Recipe",
    "RunOptions",
    "ScoringOptions",
    "SelectionOptions",
    "SynthesisOptions",
    "Targets",
    "TrainOptions",
]
