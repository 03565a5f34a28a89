"""Learning curves tell what to collect: what more of each class would bring, and of which kinds.

Everything but the sheets is a function of arrays. May not import torch or click.
"""

from rebalance.collection.learning import learning_curves
from rebalance.collection.sheets import contact_sheet

__all__ = ["contact_sheet", "learning_curves"]
