"""What a user can choose, each option declared once: its name, type, default, range and help.

The command line, the Python functions and the keys of a study are made of these classes; see
``option`` for how to declare one, and ``calls`` for which call takes which. Imports nothing but the
standard library and our errors.
"""

from rebalance.settings.advice import AdviceOptions, read_budget
from rebalance.settings.class_sizes import Growth, Levelling, LongTail, Targets
from rebalance.settings.looking import (
    SIMILAR,
    ComparisonOptions,
    InspectOptions,
    ReportOptions,
)
from rebalance.settings.rebalancing import (
    CLUSTER_SPACES,
    LANDMARKS,
    LANDMARKS_ABOVE,
    LEHMANN_EBNER,
    SPACES,
    EnsembleOptions,
    Published,
    SelectionOptions,
    SynthesisOptions,
    pixel_layer,
    pixel_side,
)
from rebalance.settings.recipes import RECIPES, Recipe
from rebalance.settings.running import (
    CANDIDATES,
    CROP,
    DEVICES,
    LAYERS,
    LAYERS_OR_AUTO,
    LINKS,
    OF_FILES,
    OWN,
    PRECISIONS,
    RESIZE,
    RESIZES,
    STRETCH,
    ExportOptions,
    ExtractorOptions,
    FolderOptions,
    ImportOptions,
    LayerOptions,
    MaterializeOptions,
    RunOptions,
)
from rebalance.settings.study import DEPTHS, StudyOptions, StudySets, keys_of
from rebalance.settings.training import (
    HELD_BYTES,
    DecisionOptions,
    ScoringOptions,
    StartOptions,
    TrainOptions,
)
from rebalance.settings.vectors import FeatureFiles

__all__ = [
    "CANDIDATES",
    "CLUSTER_SPACES",
    "CROP",
    "DEPTHS",
    "DEVICES",
    "HELD_BYTES",
    "LANDMARKS",
    "LANDMARKS_ABOVE",
    "LAYERS",
    "LAYERS_OR_AUTO",
    "LEHMANN_EBNER",
    "LINKS",
    "OF_FILES",
    "OWN",
    "PRECISIONS",
    "RECIPES",
    "RESIZE",
    "RESIZES",
    "SIMILAR",
    "SPACES",
    "STRETCH",
    "AdviceOptions",
    "ComparisonOptions",
    "DecisionOptions",
    "EnsembleOptions",
    "ExportOptions",
    "ExtractorOptions",
    "FeatureFiles",
    "FolderOptions",
    "Growth",
    "ImportOptions",
    "InspectOptions",
    "LayerOptions",
    "Levelling",
    "LongTail",
    "MaterializeOptions",
    "Published",
    "Recipe",
    "ReportOptions",
    "RunOptions",
    "ScoringOptions",
    "SelectionOptions",
    "StartOptions",
    "StudyOptions",
    "StudySets",
    "SynthesisOptions",
    "Targets",
    "TrainOptions",
    "keys_of",
    "pixel_layer",
    "pixel_side",
    "read_budget",
]
