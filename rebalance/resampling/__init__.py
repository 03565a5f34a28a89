"""From features, class sizes, options and a seed to what is kept and what is added.

Commands and studies decide here and nowhere else, so that the same images, options and seed lead to
the same samples in both. Pure functions of arrays: they read no files, and may not import torch or
click.
"""

from rebalance.resampling.cutting import Clustered, Cut, cut, sizes_to_cut
from rebalance.resampling.fates import Fate, Selection
from rebalance.resampling.growing import Grown, add, grow, second_growth, wanted_of
from rebalance.resampling.members import EnsembleMember, draw_members
from rebalance.resampling.population import Population
from rebalance.resampling.subclassing import Subclassing, subclasses_of
from rebalance.resampling.telling import selection_of

__all__ = [
    "Clustered",
    "Cut",
    "EnsembleMember",
    "Fate",
    "Grown",
    "Population",
    "Selection",
    "Subclassing",
    "add",
    "cut",
    "draw_members",
    "grow",
    "second_growth",
    "selection_of",
    "sizes_to_cut",
    "subclasses_of",
    "wanted_of",
]
