"""Manifests in a training loop of one's own: datasets, samplers and weights for PyTorch.

Imports torch, and is imported by nothing else of the package; never click, scikit-learn or umap.
"""

from rebalance.torch.dataset import ImageLoader as ImageLoader
from rebalance.torch.dataset import ManifestDataset as ManifestDataset
