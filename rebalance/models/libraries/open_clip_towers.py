"""The image tower of a model of open_clip as the body of a network.

Imports torch, and open_clip only to use it.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from rebalance.errors import ExtractorError
from rebalance.models.network import Network
from rebalance.models.state_dicts import load_into, read_state_dict
from rebalance.models.transforms import Channels, Transform, channels_of
from rebalance.settings import CROP, STRETCH

log = logging.getLogger("rebalance")

_TOWER = "visual."  # how the names of its weights begin in a file of the whole model
_LEAST_TEXT = {"context_length": 1, "vocab_size": 1, "width": 8, "heads": 1, "layers": 1}
_VISION = ("embed_dim", "vision_cfg", "quick_gelu")  # of a configuration, what the tower is made of


class EmbeddingTower(nn.Module):
    """The image tower of open_clip, with its projection: images to embeddings [N, D].

    configuration: what it is built of again, as JSON types.
    """

    gives_vector = True

    def __init__(self, visual: nn.Module, configuration: Mapping[str, Any]) -> None:
        super().__init__()
        self.visual = visual
        self.configuration = configuration

    @property
    def description(self) -> dict[str, Any]:
        """What the same body is built of."""
        return {"config": self.configuration}

    def forward(self, images: Tensor) -> Tensor:
        """Compute the embeddings [N, D], not yet of length 1."""
        found = self.visual(images)
        embeddings: Tensor = found[0] if isinstance(found, tuple) else found  # CoCa's: and tokens
        return embeddings


def built(config: Mapping[str, Any], classes: int) -> Network:
    """Build the image tower of a configuration with random weights, and a linear output.

    Raises ExtractorError where open_clip makes nothing of it.
    """
    import open_clip

    own = {name: config[name] for name in _VISION if name in config}
    try:
        whole = open_clip.CustomTextCLIP(**own, text_cfg=_LEAST_TEXT)
        visual = whole.visual.eval()
        size = visual.image_size
        height, width = (size, size) if isinstance(size, int) else size
        if height != width:
            raise ValueError(f"it wants images of {width} × {height}, and not squares")
        tower = EmbeddingTower(visual, own).eval()
        with torch.no_grad():
            columns = tower(torch.zeros(1, 3, height, width)).shape[1]
    except Exception as error:  # a configuration may be of another version
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ExtractorError(
            f"open_clip cannot build this model ({reason}): name another model"
        ) from error
    output = nn.Sequential(OrderedDict(head=nn.Linear(columns, classes)))
    return Network(tower, None, output, int(height)).eval()


def filled(network: Network, path: Path, arch: str) -> None:
    """Fill the tower of a network with a file of the whole model, or of the tower alone.

    Names and positions are fitted as open_clip does it. Raises ExtractorError where it fits not.
    """
    from open_clip.convert import convert_state_dict
    from open_clip.model import resize_pos_embed

    visual = cast(nn.Module, network.body.visual)
    state = convert_state_dict(network.body, read_state_dict(path))
    if any(name.startswith(_TOWER) for name in state):
        state = {name: value for name, value in state.items() if name.startswith(_TOWER)}
        resize_pos_embed(state, network.body)
        state = {name.removeprefix(_TOWER): value for name, value in state.items()}
    load_into(visual, state, arch=arch, path=path, advice="name the model that it was made for")


def transform_of(preparing: Mapping[str, Any], image_size: int, told: str) -> Transform:
    """Make the transform of what open_clip says of a model's images, and its defaults."""
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    found = merge_preprocess_dict(PreprocessCfg(), dict(preparing))
    mode = found["resize_mode"]
    if mode == "longest":
        log.warning("%s puts a border around images; here they are stretched instead", told)
    bilinear = found["interpolation"] == "bilinear"  # all else is bicubic where nothing is random
    return Transform(
        resize=image_size,
        crop=image_size,
        mean=_three(found["mean"]),
        std=_three(found["std"]),
        interpolation="bilinear" if bilinear else "bicubic",
        fit=CROP if mode == "shortest" else STRETCH,
    )


def _three(values: Any) -> Channels:
    return channels_of(values if isinstance(values, list | tuple) else (values,) * 3)
