"""What a user can choose, each default written once.

The command line reads its defaults, and its help, from these classes; Python callers pass the same
names as keyword arguments. Imports nothing but the standard library and our errors.
"""

from rebalance.settings.rebalancing import (
    CLUSTER_SPACES,
    LANDMARKS,
    LANDMARKS_ABOVE,
    PROFILES,
    SPACES,
    Growth,
    LongTail,
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
from rebalance.settings.study import (
    DEPTHS,
    EXTRACTOR_KEYS,
    TRAINING_KEYS,
    StudyOptions,
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
    "DEPTHS",
    "DEVICES",
    "EXTRACTOR_KEYS",
    "IN_MEMORY",
    "LANDMARKS",
    "LANDMARKS_ABOVE",
    "LAYERS",
    "LOSSES",
    "PRECISIONS",
    "PROFILES",
    "RECIPES",
    "SPACES",
    "TRAINING_KEYS",
    "ExtractorOptions",
    "FolderOptions",
    "Growth",
    "LongTail",
    "Recipe",
    "RunOptions",
    "ScoringOptions",
    "SelectionOptions",
    "StudyOptions",
    "SynthesisOptions",
    "Targets",
    "TrainOptions",
]
