"""State dicts from files that others wrote, read without running their content, and checked.

Imports torch and safetensors. A file is data, never a program: pickles are read with torch's
``weights_only``, TorchScript archives not at all.
"""

import logging
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from rebalance.errors import ExtractorError, shown
from rebalance.models.archives import check_archive, names_in
from rebalance.models.backbones import Family, architectures, find_family
from rebalance.models.headers import read_header

log = logging.getLogger("rebalance")

IMAGENET_CLASSES = 1000

_WRAPPERS = ("state_dict", "model_state_dict", "model")  # as training scripts name it
# DataParallel's and torch.compile's, and what a LightningModule's field is called.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")

# torchvision's published DenseNet weights keep the names of a time when modules could hold dots.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
# lukemelas' EfficientNet-PyTorch begins every part of a name so; torchvision begins none so.
_UNDERSCORES = re.compile(r"(^|\.)_")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a .pth, .pt or .safetensors file, on the CPU.

    The names are torchvision's. Unwraps ``{"state_dict": ...}`` and its like, and the prefixes of
    DataParallel, torch.compile and Lightning, which the log says. Raises ExtractorError for a file
    that is not there, is no checkpoint, is damaged, or holds anything but tensors.
    """
    if path.is_dir():
        raise ExtractorError(f"{path} is a folder; pass a .pth, .pt or .safetensors file")
    if not path.is_file():
        raise ExtractorError(f"no checkpoint at {path}; pass a .pth, .pt or .safetensors file")
    loaded = _load(path)
    for wrapper in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
    if not isinstance(loaded, Mapping) or not loaded:
        raise ExtractorError(f"{path} holds no state dict; save one with model.state_dict()")
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ExtractorError(
                f"{path} holds {shown(key)}, which is no tensor; save model.state_dict() alone"
            )
        if not _is_backed(value):
            raise ExtractorError(
                f"{path} says that {shown(key)} is {tuple(value.shape)}, and holds less; pass a "
                "file that is what it says"
            )
    state, prefix = unprefixed(loaded)
    if prefix:
        log.info("%s: its names begin with %r, which is taken off", path, prefix)
    return {
        _UNDERSCORES.sub(r"\1", _OLD_DENSENET.sub(r"\1\2", key)): value
        for key, value in state.items()
    }


def without_auxiliary(state: Mapping[str, Tensor], family: Family, path: Path) -> dict[str, Tensor]:
    """Leave out the auxiliary heads that a file holds beside the network, which the log says."""
    kept = {key: value for key, value in state.items() if not key.startswith(family.auxiliary)}
    if len(kept) < len(state):
        log.info("%s holds auxiliary heads, which are not used", path)
    return kept


def output_width(state: Mapping[str, Tensor], arch: str) -> int:
    """Count the classes that ``state`` distinguishes, by the rows of its output layer.

    A state without that layer counts as ImageNet's 1000: ``load_into`` says what is missing.
    """
    last = [step for step in find_family(arch).tail if isinstance(step, str)][-1]
    start = last.removesuffix(".*") + "."
    weights = [key for key in state if key.startswith(start) and key.endswith("weight")]
    if not weights or state[max(weights)].ndim == 0:
        return IMAGENET_CLASSES
    return len(state[max(weights)])


def load_into(
    net: nn.Module,
    state: Mapping[str, Tensor],
    *,
    arch: str,
    path: Path,
    advice: str | None = None,
) -> None:
    """Fill ``net`` with all of ``state``, and with nothing else.

    ``arch`` and ``path`` are for the message, and so is ``advice``; None is to choose an --arch, or
    other names. Raises ExtractorError where the two differ in a name or a shape, and for weights
    that are not finite.
    """
    misfit = _misfit(net, state)
    if misfit is not None:
        hint = advice or _hint(net, state, path, arch)
        raise ExtractorError(f"{path} does not fit {arch}: {misfit}; {hint}")
    check_finite(net, path)


def check_finite(net: nn.Module, path: Path) -> None:
    """Raise ExtractorError where ``net``, which was filled from ``path``, has other numbers."""
    for key, value in net.state_dict().items():
        if not value.isfinite().all():
            raise ExtractorError(f"{path} holds NaN or infinite weights ({key}); pass others")


def _load(path: Path) -> Any:
    if read_header(path) is None:
        _check_pickled(path)
    try:
        if read_header(path) is not None:
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's age
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ExtractorError(f"cannot read {path}: {error.strerror}; check the file") from error
    except Exception as error:  # a damaged or foreign file can make the readers raise anything
        if isinstance(error, pickle.UnpicklingError) and _is_pickle(path):
            raise ExtractorError(
                f"{path} is a pickle that holds more than tensors, and was not opened; "
                "save model.state_dict() alone"
            ) from error
        raise ExtractorError(
            f"{path} is no checkpoint, or is damaged; pass a .pth, .pt or .safetensors file"
        ) from error


def _check_pickled(path: Path) -> None:
    """Refuse a program, and an archive that is damaged or would unpack to more than it is."""
    if any(name.endswith("constants.pkl") for name in names_in(path)):
        raise ExtractorError(
            f"{path} is a TorchScript program, and was not opened; save its state_dict() instead"
        )
    try:
        check_archive(path)
    except OSError as error:
        raise ExtractorError(f"cannot read {path}: {error.strerror}; check the file") from error
    except ValueError as error:
        raise ExtractorError(
            f"{path} is no checkpoint, or is damaged ({error}); pass a .pth, .pt or .safetensors "
            "file"
        ) from error


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b"\x80" or zipfile.is_zipfile(path)


def _is_backed(value: Tensor) -> bool:
    """Tell whether there is a number in the file for each that a tensor has."""
    if value.layout != torch.strided or value.is_quantized:
        return True  # ``load_into`` refuses these
    return not value.is_meta and value.nbytes <= value.untyped_storage().nbytes()


def unprefixed(state: Mapping[str, Tensor]) -> tuple[Mapping[str, Tensor], str]:
    """Take off what wrappers put before every name; return the rest, and what it was.

    vit's own names begin with ``encoder.`` too, but never all of them.
    """
    taken = ""
    while found := [each for each in _PREFIXES if all(key.startswith(each) for key in state)]:
        taken += found[0]
        state = {key.removeprefix(found[0]): value for key, value in state.items()}
    return state, taken


def completed(net: nn.Module, state: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    """Put zeros in the place of a last layer that the file lacks, and nothing else; it is said.

    Features are taken below that layer, and training makes another one.
    """
    last = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)][-1:]
    own = net.state_dict()
    missing = own.keys() - state.keys()
    head = {f"{name}.{part}" for name in last for part in ("weight", "bias")} & own.keys()
    if not missing or missing != head:
        return state
    log.info("%s has no last layer, %s: features do not need it", path, last[0])
    return {**state, **{key: torch.zeros_like(own[key]) for key in missing}}


def _misfit(net: nn.Module, state: Mapping[str, Tensor]) -> str | None:
    """Load ``state`` into ``net``; return how the two differ, or None."""
    for key, own in net.state_dict().items():
        if key in state and state[key].shape != own.shape:
            return f"{key} is {tuple(state[key].shape)} where {tuple(own.shape)} is needed"
    versioned = OrderedDict(state)
    # mnasnet refuses a state dict without its version, and files do not always keep it.
    versioned._metadata = {"": {"version": net._version}}  # type: ignore[attr-defined]
    try:
        missing, unexpected = net.load_state_dict(versioned, strict=False)
    except RuntimeError:
        return "its tensors are quantised or sparse"
    if missing:
        return f"it lacks {missing[0]}"
    if unexpected:
        return f"nothing takes its {unexpected[0]}"
    return None


def _hint(net: nn.Module, state: Mapping[str, Tensor], path: Path, arch: str) -> str:
    named = max((name for name in architectures() if name in path.name), key=len, default=arch)
    if named != arch:
        return f"pass --arch {named}, as its name says"
    if state.keys().isdisjoint(net.state_dict()):
        first = next(iter(net.state_dict()))
        return f"rename its tensors as torchvision has them (the first is {first!r}) if it is one"
    return "pass the --arch it was made for"
