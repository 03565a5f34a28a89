"""A network of timm as the body of one of ours. Imports torch; never timm."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from rebalance.errors import ExtractorError
from rebalance.models.network import Network


class Pooled(nn.Module):
    """What a network of timm sees in each image before it classifies it: [N, D].

    It is the model's own pooling, be it a class token, a mean or a layer that attends, with what
    follows up to the classifier, which is taken out.
    """

    gives_vector = True

    def __init__(self, model: Any, image_size: int) -> None:
        super().__init__()
        model.reset_classifier(0)
        self.model = model
        self.image_size = image_size

    @property
    def description(self) -> dict[str, Any]:
        """What the same body is built of, beside its name."""
        return {"image_size": self.image_size}

    def take(self, image_size: int) -> None:
        """Make the model one for squares of another size, where timm can; others need nothing."""
        if hasattr(self.model, "set_input_size"):
            self.model.set_input_size(img_size=(image_size, image_size))
        self.image_size = image_size

    def forward(self, images: Tensor) -> Tensor:
        """Compute the vectors [N, D]."""
        features = self.model.forward_features(images)
        pooled: Tensor = self.model.forward_head(features, pre_logits=True)
        return pooled


def network_around(arch: str, model: nn.Module, image_size: int, classes: int) -> Network:
    """Make a network of timm's ``model``, with a new linear output of ``classes``.

    Raises ExtractorError where the model does not give one vector for an image.
    """
    try:
        body = Pooled(model, image_size).eval()
        with torch.no_grad():
            found = body(torch.zeros(1, 3, image_size, image_size))
        if found.ndim != 2:
            raise ValueError(f"{list(found.shape[1:])} numbers")
    except Exception as error:  # models are made in many ways: any may lack a method
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ExtractorError(
            f"{arch} gives no vector for an image ({reason}): choose another network"
        ) from error
    output = nn.Sequential(OrderedDict(head=nn.Linear(found.shape[1], classes)))
    return Network(body, None, output, image_size)
