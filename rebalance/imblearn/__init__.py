"""Estimators for imbalanced-learn: the methods of ours that it has not, on arrays.

They are samplers like its own, with ``fit_resample``, and work in its ``Pipeline`` and in
scikit-learn's searches. What they keep and add is decided by ``rebalance.resampling``, as for the
commands: the same features, labels and seed lead to the same samples. May not import torch or
click.

>>> import numpy as np
>>> from rebalance.imblearn import CoverageUnderSampler
>>> X = np.array([[9, 0], [9, 1], [9, 2], [0, 9], [5, 5], [5, 6]], dtype=float)
>>> sampler = CoverageUnderSampler(random_state=0)
>>> _, y = sampler.fit_resample(X, ["cat", "cat", "cat", "cat", "dog", "dog"])
>>> sampler.sample_indices_.tolist(), y
([1, 3, 4, 5], ['cat', 'cat', 'dog', 'dog'])
"""

from rebalance.imblearn.oversamplers import (
    EOS,
    ClusterOverSampler,
    EvenOverSampler,
    SafeLevelSMOTE,
)
from rebalance.imblearn.undersamplers import (
    CoverageTypicalUnderSampler,
    CoverageUnderSampler,
    SubclassUnderSampler,
    WilsonEditing,
)

__all__ = [
    "EOS",
    "ClusterOverSampler",
    "CoverageTypicalUnderSampler",
    "CoverageUnderSampler",
    "EvenOverSampler",
    "SafeLevelSMOTE",
    "SubclassUnderSampler",
    "WilsonEditing",
]
