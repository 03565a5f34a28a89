"""The embedding of test images, reduced to what a map of them is drawn from.

Imports numpy and nothing heavier; may not import torch or click.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.pca import InMemory, principal_components

MAPPED = 2000  # images: a map of more shows no more, and a run should stay small
COMPONENTS = 50


@dataclass(frozen=True, eq=False)
class EmbeddedImages:
    """Some of the images that were scored, as points.

    rows: their places in ``predictions.csv`` [n], rising. components: the leading principal
    components of their standardised embedding [n, d].
    """

    rows: NDArray[np.int64]
    components: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.float32], rng: np.random.Generator) -> "EmbeddedImages":
        """Reduce features [N, D]; of more than ``MAPPED`` images, so many are drawn."""
        rows = np.arange(len(features))
        if len(rows) > MAPPED:
            rows = np.sort(rng.choice(rows, MAPPED, replace=False))
        return cls(rows, principal_components(InMemory(features[rows]), COMPONENTS))
