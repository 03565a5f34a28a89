"""timm's networks: their own transforms, and their weights from timm's cache or from a file.

timm is imported only to build a network: what it would fetch is told by its version. Imports torch
only then.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rebalance.errors import ExtractorError, near, shown
from rebalance.models.fingerprints import file_digest
from rebalance.models.libraries import LIBRARIES, Kept
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

PREFIX = "timm"
_ENCODER = "_enc"  # how timm calls networks that give a map to another network, and never a vector


@dataclass(frozen=True)
class TimmWeights:
    """A network of timm with the weights that timm publishes, or those in a file.

    name: as timm has it, with or without a tag. digest: of the file, if there is one. instead: what
    to do where weights cannot be fetched.
    """

    name: str
    path: Path | None
    digest: str | None
    instead: str
    kind = PREFIX
    resize = None

    @property
    def arch(self) -> str:
        """Return the name with the library's prefix."""
        return f"{PREFIX}:{self.name}"

    @property
    def facts(self) -> ExtractorRecord:
        """The facts that decide the weights.

        The version of timm says which tag a name without one has, and where its weights are.
        """
        return {"weights": self.digest or f"timm {LIBRARIES[PREFIX].version()}"}

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load the network; ExtractorError for an unknown name, or weights that cannot be had."""
        from rebalance.models.libraries.timm_files import created_from

        check(self.name)
        model = self._published() if self.path is None else created_from(self.name, self.path)
        return _wrapped(self.name, model, classes=1), _transform(self.name, model.pretrained_cfg)

    def _published(self) -> Any:
        from rebalance.models.libraries.timm_files import created, reason_of

        try:
            return created(self.name, pretrained=True)
        except Exception as error:  # a network, or a file that an earlier download left
            raise ExtractorError(
                f"cannot get timm's weights of {shown(self.name)} ({reason_of(error)}): bring "
                "timm's cache from a machine that has them (HF_HUB_CACHE), give a file of them in "
                f"place of {self.arch}, with --arch {self.arch}, or {self.instead}"
            ) from error


def find(name: str, weights: Path | None, instead: str) -> TimmWeights:
    """Find the network called ``name``; timm is not imported.

    Raises ExtractorError for a file that cannot be read.
    """
    if weights is None:
        return TimmWeights(name, None, None, instead)
    try:
        return TimmWeights(name, weights, file_digest(weights), instead)
    except OSError as error:
        raise ExtractorError(
            f"no weights can be read at {str(weights)!r} ({error.strerror}): give a .pth, .pt or "
            ".safetensors file"
        ) from None


def check(name: str) -> None:
    """Raise ExtractorError where timm has no such network or tag, or one that does not fit."""
    import timm
    from timm.models import get_arch_pretrained_cfgs

    arch, _, tag = name.partition(".")
    if not timm.is_model(arch):
        raise ExtractorError(f"timm has no network {shown(arch)}{_like(arch)}")
    tags = [each.partition(".")[2] for each in get_arch_pretrained_cfgs(arch)]
    if tag and tag not in tags:
        known = ", ".join(each for each in tags if each) or "none"
        raise ExtractorError(f"timm's {arch} has no weights {shown(tag)}: it has {known}")
    if arch.endswith(_ENCODER):
        raise ExtractorError(
            f"{PREFIX}:{name} gives no vector for an image: it is a part of a larger network"
        )
    usual_transform(name)


def _like(arch: str) -> str:
    import timm

    close = near(arch, timm.list_models(), 3)
    return f": try {' or '.join(close)}" if close else ": timm.list_models() tells which it has"


def build(name: str, classes: int, description: Mapping[str, Any] | None) -> "Network":
    """Build the network with random weights; ExtractorError where it does not fit.

    description: of the body, which knows the size of its images.
    """
    from rebalance.models.libraries.timm_files import created
    from rebalance.models.network import take

    check(name)
    network = _wrapped(name, created(name), classes)
    if description is not None and description["image_size"] != network.image_size:
        take(network, description["image_size"])
    return network


def usual_transform(name: str) -> "Transform":
    """Return the transform of timm's weights of this name; ExtractorError if it is no square."""
    from timm.models import get_pretrained_cfg

    return _transform(name, get_pretrained_cfg(name).to_dict())


def available() -> Iterator[Kept]:
    """Yield every network that timm can build and that fits, by name and tag; none is built."""
    import timm
    from timm.models import get_arch_pretrained_cfgs

    for arch in timm.list_models():
        for name, cfg in get_arch_pretrained_cfgs(arch).items():
            if _is_square(cfg.input_size) and not arch.endswith(_ENCODER):
                yield Kept(f"{PREFIX}:{name}", _is_cached(cfg) if cfg.has_weights else None)


def _is_square(size: Sequence[int]) -> bool:
    channels, height, width = size
    return channels == 3 and height == width


def _is_cached(cfg: Any) -> bool:
    """Tell whether the weights of a configuration are where timm looks for what it fetched."""
    import torch
    from huggingface_hub import try_to_load_from_cache

    if cfg.hf_hub_id:
        files = [cfg.hf_hub_filename] if cfg.hf_hub_filename else []
        files += ["model.safetensors", "pytorch_model.bin"]
        return any(isinstance(try_to_load_from_cache(cfg.hf_hub_id, f), str) for f in files)
    name = PurePosixPath(cfg.url or "").name
    return bool(name) and (Path(torch.hub.get_dir()) / "checkpoints" / name).is_file()


def _transform(name: str, cfg: Mapping[str, Any]) -> "Transform":
    """Make the transform of timm's configuration: its evaluation, as near as a square comes to it.

    An image that is squashed is squashed to the crop itself. Where a border would be put around it,
    it is squashed too.
    """
    from timm.data import resolve_data_config

    from rebalance.models.transforms import Transform, channels_of
    from rebalance.settings import CROP, STRETCH

    found = resolve_data_config(pretrained_cfg=dict(cfg))
    channels, height, width = found["input_size"]
    if not _is_square(found["input_size"]):
        raise ExtractorError(
            f"{PREFIX}:{name} takes images of {width} × {height} pixels and {channels} channels, "
            "and a square in colour is needed: choose another network"
        )
    return Transform(
        resize=max(math.floor(width / found["crop_pct"]), width),
        crop=width,
        mean=channels_of(found["mean"]),
        std=channels_of(found["std"]),
        interpolation=found["interpolation"],
        fit=CROP if found["crop_mode"] == "center" else STRETCH,
    )


def _wrapped(name: str, model: Any, classes: int) -> "Network":
    from rebalance.models.libraries.timm_bodies import network_around

    size = _transform(name, model.pretrained_cfg).crop
    return network_around(f"{PREFIX}:{name}", model, size, classes)
