"""Checkpoints: torchvision's published weights, other people's files, and files of our own.

Ours are safetensors: the tensors, and in the header one JSON document with what is needed to build
the network again. Imports torch, torchvision and safetensors.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from rebalance.atomic import replacing
from rebalance.errors import ExtractorError, OutputError
from rebalance.models.backbones import OWN_NETWORKS, build, find_family
from rebalance.models.building import untrained_network
from rebalance.models.headers import MARKER, is_ours, saved_metadata
from rebalance.models.heads import (
    FRESH,
    gives_cosines,
    has_fresh_output,
    has_pooled_head,
    with_cosine_output,
    with_fresh_output,
    with_pooled_head,
)
from rebalance.models.network import ConcatPool, Network, forget, network_of, with_new_head
from rebalance.models.state_dicts import (
    completed,
    load_into,
    output_width,
    read_state_dict,
    without_auxiliary,
)
from rebalance.models.transforms import Transform, plain_transform, torchvision_transform
from rebalance.models.vectors import VECTORS, vector_network

__all__ = [
    "Saved",
    "is_ours",
    "load_imagenet",
    "load_network",
    "load_state_dict_file",
    "save_network",
]

FORMAT_VERSION = 1


class Saved(NamedTuple):
    """A checkpoint of ours: its metadata holds ``arch`` and whatever was saved as ``extra``."""

    network: Network
    classes: tuple[str, ...]
    transform: Transform
    metadata: dict[str, str]


def load_imagenet(arch: str, instead: str = "give a checkpoint") -> tuple[Network, Transform]:
    """Load ``arch`` with torchvision's best ImageNet weights, and their transform.

    The network is in evaluation mode. torchvision's own loader fetches them once and keeps them
    under TORCH_HOME. Raises ExtractorError for an unknown name, for a network that torchvision does
    not have, and where they cannot be fetched; it says what to do ``instead``.
    """
    find_family(arch)
    if arch in OWN_NETWORKS:
        raise ExtractorError(
            f"torchvision has no ImageNet weights of {arch}; pass another --arch, or {instead}"
        )
    try:
        # The loader announces a download on stdout, which is for results.
        with redirect_stdout(sys.stderr):
            net = torchvision.models.get_model(
                arch, weights="DEFAULT", progress=sys.stderr.isatty()
            )
    except Exception as error:  # a network, or the file an earlier download left: anything fails
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ExtractorError(
            f"cannot get torchvision's ImageNet weights of {arch} ({reason}); {instead}"
        ) from error
    transform = torchvision_transform(arch)
    return network_of(arch, net, transform.crop).eval(), transform


def load_state_dict_file(arch: str, path: Path) -> tuple[Network, Transform]:
    """Load ``arch`` with the weights in ``path``, and choose the transform for them.

    The network is in evaluation mode. ``path`` holds a state dict of torchvision's network (or our
    ``cifar_*``), for any number of classes: see ``state_dicts.read_state_dict``. Auxiliary heads in
    it are left out. The file does not tell its transform; the one of ``transforms.plain_transform``
    is taken. Raises ExtractorError for an unknown architecture, a file that cannot be read safely,
    or one that does not fit.
    """
    family = find_family(arch)
    state = without_auxiliary(read_state_dict(path), family, path)
    net = build(arch, output_width(state, arch))
    load_into(net, completed(net, state, path), arch=arch, path=path)
    transform = plain_transform(arch)
    return network_of(arch, net, transform.crop).eval(), transform


def save_network(
    path: Path,
    network: Network,
    *,
    arch: str,
    classes: Sequence[str],
    transform: Transform,
    extra: Mapping[str, str],
) -> None:
    """Write ``network`` to ``path``, replacing what is there in one step.

    The same network gives the same bytes. ``network`` is one that ``fresh_network``,
    ``with_new_head``, ``with_fresh_output`` or the loaders here made; ``extra`` is kept as it is.
    Raises OutputError where the file cannot be written.
    """
    described: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "arch": arch,
        "head": _head_of(network),
        "cosine": gives_cosines(network),
        **({"fresh": True} if has_fresh_output(network) else {}),
        "classes": list(classes),
        "transform": transform.to_dict(),
        "extra": dict(extra),
    }
    # What a network of another library is built again of; it may not be here then.
    if description := getattr(network.body, "description", None):
        described["library"] = dict(description)
    tensors = _tensors(network)
    described["checksum"] = _checksum(described, tensors)
    # One key only: safetensors writes several in an order that differs from run to run.
    metadata = {MARKER: json.dumps(described, sort_keys=True)}
    try:
        with replacing(path) as (partial,):
            partial.write_bytes(save(tensors, metadata))  # save_file would hide it from others
    except (OSError, SafetensorError) as error:
        raise OutputError(f"cannot write {path} ({error}); choose another place") from error


def _tensors(network: Network) -> dict[str, Tensor]:
    """Return the tensors of a network, each in a place of its own, as safetensors wants them."""
    tensors: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, value in network.state_dict().items():
        tensor = value.cpu().contiguous()
        place = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if place in places else tensor  # two modules may share one
        places.add(place)
    return tensors


def load_network(path: Path) -> Saved:
    """Load what ``save_network`` wrote to ``path``; the network is in evaluation mode.

    Raises ExtractorError for any other file, a damaged one, or one of a later version.
    """
    described = saved_metadata(path)
    if described is None:
        raise ExtractorError(f"{path} is no checkpoint of rebalance; pass one that it wrote")
    if described.get("version") != FORMAT_VERSION:
        raise ExtractorError(
            f"{path} has format {described.get('version')}, and {FORMAT_VERSION} is needed; "
            "update rebalance, or train again"
        )
    checksum = described.pop("checksum", None)  # early versions wrote none
    try:
        state = load_file(path)
        if checksum not in (None, _checksum(described, state)):
            raise ValueError("its checksum is another")
        _check_classes(described["classes"], state)
        saved = _rebuilt(described, state)
    except ExtractorError:
        raise
    except Exception as error:  # readers raise nearly anything on a damaged file
        raise ExtractorError(f"{path} is damaged ({error}); train again") from error
    arch = saved.metadata["arch"]
    load_into(saved.network, state, arch=arch, path=path, advice="it is damaged: train again")
    forget(saved.network)  # what the random weights came to
    return saved


def _checksum(described: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Compute the checksum of a checkpoint: of how it describes itself, and of its tensors."""
    checksum = crc32(json.dumps(described, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        checksum = crc32(f"{name} {value.dtype} {tuple(value.shape)}".encode(), checksum)
        checksum = crc32(value.reshape(-1).view(torch.uint8).numpy().data, checksum)
    return f"{checksum:08x}"


def _check_classes(classes: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError where no tensor is of so many classes, before a layer is made for them."""
    if not any(value.ndim and len(value) == len(classes) for value in tensors.values()):
        raise ValueError(f"it does not fit {len(classes)} classes")


def _rebuilt(described: Mapping[str, Any], state: Mapping[str, Tensor]) -> Saved:
    """Build the network that ``described`` stands for; KeyError and the like if it is none.

    state: its tensors, by which alone the columns are known of features that came from a file.
    """
    arch, classes = str(described["arch"]), tuple(map(str, described["classes"]))
    transform = Transform.from_dict(described["transform"])
    extra = {str(name): str(value) for name, value in described["extra"].items()}
    if arch == VECTORS:
        network = vector_network(state[f"output.{FRESH}.weight"].shape[1], len(classes))
        return Saved(network.eval(), classes, transform, {**extra, "arch": arch})
    network = _headed(described["head"], arch, len(classes), described.get("library"))
    if described.get("cosine"):
        network = with_cosine_output(network)
    if described.get("fresh"):
        network = with_fresh_output(network, len(classes))
    network.eval()
    return Saved(network, classes, transform, {**extra, "arch": arch})


def _headed(head: str, arch: str, classes: int, description: Any) -> Network:
    """Build ``arch`` with one of the heads that there are, but for its last layer."""
    with_head = _HEADS[head]
    # A head that is replaced is of any size.
    network = untrained_network(arch, classes if with_head is None else 1, description)
    return network if with_head is None else with_head(network, classes)


def _head_of(network: Network) -> str:
    """Return the key of ``_HEADS`` that makes the head of this network, but for its last layer."""
    if has_pooled_head(network):
        return "linear"
    paper = any(isinstance(module, ConcatPool) for module in network.modules())
    return "paper" if paper else "own"


# What puts the head on a network; None where it is the one that the network comes with.
_HEADS: dict[str, Callable[[Network, int], Network] | None] = {
    "paper": with_new_head,
    "own": None,
    "linear": with_pooled_head,
}
