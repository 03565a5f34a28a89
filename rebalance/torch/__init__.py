"""Manifests in a training loop of one's own: datasets, samplers and weights for PyTorch.

Imports torch, and is imported by nothing else of the package; never click, scikit-learn or umap.
"""

from rebalance.torch.batches import BalancedBatchSampler as BalancedBatchSampler
from rebalance.torch.dataset import ImageLoader as ImageLoader
from rebalance.torch.dataset import ManifestDataset as ManifestDataset
from rebalance.torch.embeddings import EmbeddingDataset as EmbeddingDataset
from rebalance.torch.sampling import BalancedSampler as BalancedSampler
from rebalance.torch.weighting import apply_prior as apply_prior
from rebalance.torch.weighting import class_weights as class_weights
from rebalance.torch.weighting import logit_prior as logit_prior
from rebalance.torch.weighting import sample_weights as sample_weights
