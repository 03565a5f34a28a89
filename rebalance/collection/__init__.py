"""What to collect: how much more images of each class would bring, and of which kinds.

Everything is a function of arrays. May not import torch or click.
"""

from rebalance.collection.learning import learning_curves

__all__ = ["learning_curves"]
