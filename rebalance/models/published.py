"""Published weights that are on this machine: torchvision's, and those of the Hugging Face hub.

Imports torchvision only where there are files to know, or names are asked for; no other library.
"""

import os
from pathlib import Path

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")  # endings of files of weights


def torch_cache() -> Path:
    """Return where torch keeps the weights that it has fetched, without importing it.

    It is TORCH_HOME, or else a folder of the user's cache.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = os.environ.get("TORCH_HOME") or cache / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def published() -> dict[str, str]:
    """Return by the name of each architecture with ImageNet weights what their file is called.

    These are the best weights that there are of it, which ``imagenet`` takes.
    """
    from urllib.parse import urlsplit

    import torchvision

    from rebalance.models.backbones import OWN_NETWORKS, architectures

    names = [name for name in architectures() if name not in OWN_NETWORKS]
    urls = {name: torchvision.models.get_model_weights(name).DEFAULT.url for name in names}
    return {name: Path(urlsplit(url).path).name for name, url in urls.items()}


def fetched() -> list[str]:
    """List the architectures whose ImageNet weights are on this machine, by their names."""
    folder = torch_cache()
    files = {path.name for path in folder.glob("*.pth")} if folder.is_dir() else set()
    return [name for name, file in published().items() if file in files] if files else []


def hub_cache() -> Path:
    """Return where huggingface_hub keeps what it has fetched, without importing it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if told := os.environ.get(name):
            return Path(told).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = os.environ.get("HF_HOME") or cache / "huggingface"
    return Path(home).expanduser() / "hub"


def kept_in_hub_cache() -> dict[str, set[str]]:
    """Return the repositories of the hub's cache that have weights, each with its files' names."""
    found: dict[str, set[str]] = {}
    for place in sorted(hub_cache().glob("models--*")):
        files = {path.name for path in place.glob("snapshots/*/*")}
        if any(file.endswith(WEIGHTS) for file in files):
            found[place.name.removeprefix("models--").replace("--", "/", 1)] = files
    return found
