"""A linear layer. Imports numpy and nothing heavier."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Linear(NamedTuple):
    """A linear layer: weight [K, d] and bias [K]."""

    weight: Floats
    bias: Floats

    def logits(self, inputs: Floats) -> Floats:
        """Return what it says of inputs [N, d]: [N, K]."""
        said: Floats = inputs @ self.weight.T + self.bias
        return said

    def without(self, shift: Sequence[float]) -> "Linear":
        """Return the layer whose logits are without ``shift`` [K]."""
        return Linear(self.weight, self.bias - np.asarray(shift, float))

    def times(self, factors: "Floats | float") -> "Linear":
        """Return the layer whose logits are these times ``factors``, one or one a class [K]."""
        each = np.broadcast_to(np.asarray(factors, float), self.bias.shape)
        return Linear(self.weight * each[:, None], self.bias * each)
