"""torchvision's published weights, and which of them are on this machine.

Imports torchvision only where there are files to know, or names are asked for.
"""

import os
from pathlib import Path


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
