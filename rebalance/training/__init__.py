"""Training: a generator of epochs, for any loss, sampler and regime.

``loop`` is the generator, ``trainer`` the pass over an epoch's batches, ``optimisers`` what steps
and what is frozen, ``replicas`` the other processes. Imports torch; never click, scikit-learn or
umap.
"""

from rebalance.training.loop import Epoch, State, Validate, fine_tune, fit
from rebalance.training.optimisers import OPTIMISERS, parameter_groups

__all__ = [
    "OPTIMISERS",
    "Epoch",
    "State",
    "Validate",
    "fine_tune",
    "fit",
    "parameter_groups",
]
