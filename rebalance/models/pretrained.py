"""Networks that come trained: torchvision's weights, a package's, another library's, or a file.

Imports torch only to load them.
"""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rebalance.errors import ExtractorError, meant, shown
from rebalance.models.fingerprints import file_digest
from rebalance.models.headers import saved_metadata
from rebalance.models.libraries import LIBRARIES, Pretrained, find, library_of
from rebalance.models.packaged import PACKAGES, find_packaged
from rebalance.models.vectors import VECTORS
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord
from rebalance.settings import CROP, RESIZE

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

ARCH = "resnet50"
NAMED = " or ".join(each.names for each in LIBRARIES.values() if each.takes_file)
WORDS = ("imagenet", "finetune", "scratch")  # what may stand where others give a file or a run
MODEL = "model.safetensors"  # the file of a run folder that holds its network


class Wording(NamedTuple):
    """How an option that names weights is spoken of, where they cannot be had.

    choices: what it may be. instead: what to give it where nothing can be downloaded.
    """

    choices: str
    instead: str


@dataclass(frozen=True)
class ImageNet:
    """The pretrained weights of ``arch`` that torchvision publishes.

    instead: what to do where they cannot be fetched.
    """

    arch: str
    instead: str
    kind = "imagenet"
    resize = RESIZE

    @property
    def facts(self) -> ExtractorRecord:
        """The facts that decide the weights."""
        return {"weights": f"torchvision {version('torchvision')}"}

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load them with torchvision. Raises ExtractorError where they cannot be fetched."""
        from rebalance.models.checkpoints import load_imagenet

        return load_imagenet(self.arch, self.instead)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file: one of ours, which describes itself, or torchvision's state dict.

    arch: of the latter, the network that it is of. resize: how images become squares, unless told.
    """

    path: Path
    arch: str
    digest: str
    is_ours: bool
    resize: str = RESIZE
    kind = "checkpoint"

    @property
    def facts(self) -> ExtractorRecord:
        """The facts that decide the weights."""
        return {"weights": self.digest}

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load the file. Raises ExtractorError where it does not fit or is not safe to read."""
        from rebalance.models.checkpoints import load_network, load_state_dict_file

        if self.is_ours:
            saved = load_network(self.path)
            return saved.network, saved.transform
        return load_state_dict_file(self.arch, self.path)


def is_path(name: str) -> bool:
    """Tell whether what names a network, or how one begins, is the path of a file or a run.

    >>> from rebalance.models.pretrained import is_path
    >>> is_path("runs/first"), is_path("lite0"), is_path("timm:resnet18")
    (True, False, False)
    """
    return name not in (*WORDS, *PACKAGES) and library_of(name) is None


def find_pretrained(
    name: str, arch: str | None, option: Wording, weights: Path | str | None = None
) -> Pretrained:
    """Find the weights called ``imagenet``, those of ``PACKAGES`` or another library, or a file.

    option: the one that the user named it by. weights: a file of weights of the library's network
    that ``name`` is. Raises ExtractorError for a path that cannot be read, a package that is not
    installed, or an ``arch`` other than the weights' own.
    """
    if library_of(name):
        if arch is not None:
            raise ExtractorError(f"{shown(name)} says its architecture itself: leave out --arch")
        return find(name, None if weights is None else Path(weights), option.instead)
    if weights is not None:
        raise ExtractorError(
            f"--weights is a file of weights for {NAMED}, not for {shown(name)}: give the file of "
            "another network in its place, with --arch"
        )
    if name == "imagenet":
        _check_own(arch)
        return ImageNet(arch or ARCH, option.instead)
    if name in PACKAGES:
        return find_packaged(name, arch)
    return _find_file(name, arch, option)


def _check_own(arch: str | None) -> None:
    """Raise ExtractorError for ImageNet weights of another library's architecture."""
    if arch is not None and library_of(arch):
        raise ExtractorError(
            f"imagenet is torchvision's weights, and {shown(arch)} has its own: give {shown(arch)} "
            "itself in its place, or a file of weights"
        )


def _find_file(name: str, arch: str | None, option: Wording) -> Pretrained:
    path = Path(name)
    if (path / MODEL).is_file():  # a run of ours
        path /= MODEL
    try:
        digest = file_digest(path)
    except OSError as error:
        words = [word for word in (*WORDS, *PACKAGES) if word in option.choices]
        raise ExtractorError(
            f"no checkpoint can be read at {name!r} ({error.strerror}): {option.choices}"
            f"{meant(name, words)}"
        ) from None
    own = saved_metadata(path)
    if own is None:
        if arch is not None and library_of(arch):
            return find(arch, path, option.instead)
        return Checkpoint(path, arch or ARCH, digest, is_ours=False)
    found = str(own.get("arch"))
    if found == VECTORS:
        raise ExtractorError(
            f"{name!r} holds a head on features that came from a file, and no network that looks "
            f"at images: {option.choices}"
        )
    if arch not in (None, found):
        raise ExtractorError(f"{name!r} holds a {found}, not a {arch}: leave out --arch")
    transform = own.get("transform")
    resize = transform.get("fit", CROP) if isinstance(transform, dict) else CROP
    return Checkpoint(path, found, digest, is_ours=True, resize=resize)
