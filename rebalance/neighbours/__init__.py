"""Search for the nearest neighbours of samples, by the Euclidean distance of their features.

The search is exact at any size, or approximate for tables too long for that. A sample is never a
neighbour of itself, which is decided by its position: another sample with the same features is a
neighbour, at distance 0. May not import click, scikit-learn or torchvision, and reads no files;
torch and pynndescent are imported only when a function needs them.
"""

from rebalance.neighbours.approximate import EXACT_LIMIT, nearest_approximately, search_among
from rebalance.neighbours.distances import Neighbours
from rebalance.neighbours.exact import nearest
from rebalance.neighbours.outside import nearest_of_others

__all__ = [
    "EXACT_LIMIT",
    "Neighbours",
    "nearest",
    "nearest_approximately",
    "nearest_of_others",
    "search_among",
]
