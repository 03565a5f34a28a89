"""The output layer of losses that take cosines. Imports torch only."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize


class CosineLinear(nn.Module):
    """A last layer that gives cosines [N, K] between features [N, D] and weights, no bias.

    Computed in float32 or better: bfloat16 cosines, scaled by 30, would be off by a tenth. The
    weights start at random directions. Source: Cao et al., NeurIPS 2019, after NormFace (2017).
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(normalize(torch.randn(classes, width)))

    def forward(self, features: Tensor) -> Tensor:
        """Compute the cosines in float32 or better."""
        with torch.autocast(features.device.type, enabled=False):
            wide = features.to(torch.promote_types(features.dtype, torch.float32))
            return linear(normalize(wide), normalize(self.weight.to(wide.dtype)))
