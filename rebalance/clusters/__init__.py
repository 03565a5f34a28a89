"""The clustering of one class into subclasses: components, layout, k-means, silhouette.

Works on features alone: may not import torch or click, and reads no files. scipy, scikit-learn and
umap are imported only when a function needs them.
"""

from rebalance.clusters.criteria import CRITERIA
from rebalance.clusters.layouts import LAYOUTS, umap_layout
from rebalance.clusters.silhouette import silhouettes
from rebalance.clusters.subclasses import CLUSTERING, Subclasses, find_subclasses
from rebalance.numerics.pca import InMemory, Matrix, principal_components

__all__ = [
    "CLUSTERING",
    "CRITERIA",
    "LAYOUTS",
    "InMemory",
    "Matrix",
    "Subclasses",
    "find_subclasses",
    "principal_components",
    "silhouettes",
    "umap_layout",
]
