"""The image side of a model of transformers as the body of a network. Imports torch; never more."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from rebalance.errors import ExtractorError
from rebalance.models.network import Network

IMAGE_FEATURES = "get_image_features"  # of models that see images and text
MASKED = "vit_mae"  # the type of the model that sees a part of an image unless it is told
_CLASS_TOKEN = "cls_token"


@dataclass(frozen=True)
class Reading:
    """How the vector of an image is read out of a model.

    pooling: ``pooler_output`` or ``image_embeds`` as the model gives them; where it gives none,
    ``class_token``, the first of its tokens, ``mean`` of them or of its map, or
    ``mean_of_patches``, of the tokens but the first. without: the model's children that it does not
    take. is_reversed: the model wants blue, green and red.
    """

    pooling: str
    without: tuple[str, ...] = ()
    is_reversed: bool = False

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Reading":
        """Make what ``asdict`` described."""
        without = tuple(map(str, fields["without"]))
        return cls(str(fields["pooling"]), without, bool(fields["is_reversed"]))


class ImageTower(nn.Module):
    """A model of transformers, without what only text needs: images to their vectors [N, D].

    The vector is the one that the model pools itself. image_size: the side of the images.
    configuration: what the model is built of again, as JSON types.
    """

    gives_vector = True

    def __init__(
        self, model: Any, reading: Reading, image_size: int, configuration: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.ahead = IMAGE_FEATURES if sees_text(model) else None
        for name in reading.without:
            setattr(model, name, None)
        self.model = model
        self.reading = reading
        self.image_size = image_size
        self.configuration = configuration
        self.takes = set() if self.ahead else set(signature(model.forward).parameters)

    @property
    def description(self) -> dict[str, Any]:
        """What the same body is built of."""
        return {
            "config": self.configuration,
            "reading": asdict(self.reading),
            "image_size": self.image_size,
        }

    def take(self, image_size: int) -> None:
        """Be one for images of another size: where the model can, it fits its positions itself."""
        self.image_size = image_size

    def forward(self, images: Tensor) -> Tensor:
        """Compute the vectors [N, D]."""
        return pooled(self.outputs(images), self.reading.pooling)

    def outputs(self, images: Tensor) -> Any:
        """Compute all that the model says of the images, as transformers returns it."""
        if self.reading.is_reversed:
            images = images.flip(1)
        if self.ahead is not None:
            return getattr(self.model, self.ahead)(pixel_values=images)
        return self.model(pixel_values=images, **self._asked(images))

    def _asked(self, images: Tensor) -> dict[str, Any]:
        """Return what else the model is asked for images of this size."""
        asked: dict[str, Any] = {}
        own = getattr(self.model.config, "image_size", None)
        if "interpolate_pos_encoding" in self.takes and own != images.shape[-1]:
            asked["interpolate_pos_encoding"] = True
        if self.model.config.model_type == MASKED:  # noise is what it shuffles patches by
            patches = (images.shape[-1] // self.model.config.patch_size) ** 2
            order = torch.arange(patches, dtype=torch.float32, device=images.device)
            asked["noise"] = order.expand(len(images), -1)
        return asked


def sees_text(model: Any) -> bool:
    """Tell whether a model wants images and text; ExtractorError for one that wants no images."""
    if model.main_input_name == "pixel_values":
        return False
    if hasattr(model, IMAGE_FEATURES):
        return True
    raise ExtractorError(
        f"{model.config.model_type} ({type(model).__name__}) sees no images: name a model that does"
    )


def pooled(outputs: Any, pooling: str) -> Tensor:
    """Take the vectors [N, D] out of what a model returns.

    >>> import torch
    >>> from types import SimpleNamespace
    >>> tokens = torch.tensor([[[1.0], [2.0], [6.0]]])
    >>> found = SimpleNamespace(last_hidden_state=tokens, pooler_output=torch.ones(1, 5, 1, 1))
    >>> [pooled(found, each).item() for each in ("class_token", "mean", "mean_of_patches")]
    [1.0, 3.0, 4.0]
    >>> pooled(found, "pooler_output").shape
    torch.Size([1, 5])
    """
    if pooling in ("pooler_output", "image_embeds"):
        vectors: Tensor = getattr(outputs, pooling)
        return vectors.flatten(1)
    features: Tensor = outputs.last_hidden_state
    if pooling == "class_token":
        return features[:, 0]
    if pooling == "mean_of_patches":
        features = features[:, 1:]
    return features.mean((2, 3) if features.ndim == 4 else 1)


def read_out(
    model: Any, image_size: int, untrained: Iterable[str], is_reversed: bool, told: str
) -> Reading:
    """Find how the vector of an image is read out of ``model``, by passing one.

    untrained: names of weights that nothing was loaded into; a pooling that has such is not taken.
    told: what the model is called in messages.
    Raises ExtractorError where it gives no vector, or another part of the image side is untrained.
    """
    probe = ImageTower(model, Reading("", (), is_reversed), image_size, {})
    seen = set[nn.Module]()
    hooks = [each.register_forward_hook(lambda own, *_: seen.add(own)) for each in model.modules()]
    try:
        with torch.no_grad():
            outputs = probe.outputs(torch.zeros(1, 3, image_size, image_size))
    except Exception as error:  # models are made in many ways: any may want more than images
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ExtractorError(
            f"{told} takes no plain images of {image_size} pixels ({reason}): name another model"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    idle = [child for child, module in model.named_children() if seen.isdisjoint(module.modules())]
    without = idle if probe.ahead else []
    missing = [each for each in untrained if each.partition(".")[0] not in without]
    missing = [each for each in missing if not each.endswith("mask_token")]  # training's alone
    if missing and all(each.startswith("pooler.") for each in missing):
        without.append("pooler")
    elif missing:
        raise ExtractorError(
            f"{told} lacks weights of its own image side ({missing[0]}): copy it again, or name "
            "another model"
        )
    pooling = _pooling(outputs, model, has_pooler="pooler" not in without)
    if pooled(outputs, pooling).ndim != 2:
        raise ExtractorError(f"{told} gives no vector for an image: name another model")
    return Reading(pooling, tuple(without), is_reversed)


def _pooling(outputs: Any, model: Any, *, has_pooler: bool) -> str:
    if isinstance(getattr(outputs, "image_embeds", None), Tensor):
        return "image_embeds"
    if has_pooler and isinstance(getattr(outputs, "pooler_output", None), Tensor):
        return "pooler_output"
    has_class_token = any(
        each.rpartition(".")[2] == _CLASS_TOKEN for each, _ in model.named_parameters()
    )
    if outputs.last_hidden_state.ndim != 3 or not has_class_token:
        return "mean"
    return "mean_of_patches" if getattr(model.config, "use_mean_pooling", False) else "class_token"


def network_around(tower: ImageTower, classes: int) -> Network:
    """Make a network of a tower, in evaluation mode, with a new linear output of ``classes``."""
    size = tower.image_size
    tower.eval()
    with torch.no_grad():
        width = tower(torch.zeros(1, 3, size, size)).shape[1]
    output = nn.Sequential(OrderedDict(head=nn.Linear(width, classes)))
    return Network(tower, None, output, size).eval()
