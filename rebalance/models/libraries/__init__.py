"""Networks of other libraries: which there are, how they are named, and what each must offer.

A network is named ``PREFIX:NAME``, as ``timm:resnet18.a1_in1k``, both as an extractor and as an
architecture. Each library has one module here, a ``Shelf``, which is imported when a network of it
is asked for, and which imports the library itself when it is built. Imports no torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from rebalance.errors import ExtractorError, shown
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform


class Pretrained(Protocol):
    """A pretrained network that was found, and is loaded only if it is needed.

    facts: what decides its weights, known without loading it. resize: how images become squares
    where nobody says; None is as its own transform has it.
    """

    @property
    def kind(self) -> str: ...
    @property
    def arch(self) -> str: ...
    @property
    def facts(self) -> ExtractorRecord: ...
    @property
    def resize(self) -> str | None: ...

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load the network, in evaluation mode, and its transform; ExtractorError if it cannot."""


class Kept(NamedTuple):
    """A network that a library can build.

    cached: whether its weights are on this machine; None where none are published.
    """

    arch: str
    cached: bool | None


class Shelf(Protocol):
    """The module that offers the networks of one library, by their names without the prefix.

    The body of each of its networks is one module that gives a vector [N, D], says so by
    ``gives_vector``, and has a ``description``: JSON types that ``build`` makes the same network
    of, without the library's files or the net. If it can take images of several sizes, it has a
    method ``take(image_size)``.
    """

    def find(self, name: str, weights: Path | None, instead: str) -> Pretrained:
        """Find pretrained weights, or those in a file; the library need not be imported.

        instead: what to do where they cannot be fetched.
        """

    def check(self, name: str) -> None:
        """Raise ExtractorError where the library has no such network, or it does not fit."""

    def build(self, name: str, classes: int, description: Mapping[str, Any] | None) -> "Network":
        """Build the network with random weights and a linear output of ``classes``.

        description: of the body that is built again; None for the usual one.
        """

    def usual_transform(self, name: str) -> "Transform":
        """Return the transform that its published weights were trained with."""

    def available(self) -> Iterable[Kept]:
        """Return every network that the library can build and that fits."""


@dataclass(frozen=True)
class Library:
    """A library whose networks can be used.

    distribution: as pip knows it. extra: of ours, that installs it. module: of its shelf. names:
    how its networks are named, in messages. takes_file: whether a file of weights alone will do.
    """

    prefix: str
    distribution: str
    extra: str
    module: str
    names: str
    takes_file: bool = True

    def shelf(self) -> Shelf:
        """Return its module. Raises ExtractorError where the library is not installed."""
        self.version()
        return cast(Shelf, import_module(self.module))

    def version(self) -> str:
        """Return the version that is installed. Raises ExtractorError where none is."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            raise ExtractorError(
                f"{self.prefix}: needs {self.distribution}, which is not installed: "
                f"pip install 'rebalance[{self.extra}]'"
            ) from None


LIBRARIES = {
    "timm": Library("timm", "timm", "timm", f"{__name__}.timm_networks", "timm:NAME[.TAG]"),
    "hf": Library(
        "hf",
        "transformers",
        "transformers",
        f"{__name__}.transformers_networks",
        "hf:OWNER/NAME or hf:FOLDER",
        takes_file=False,
    ),
    "open_clip": Library(
        "open_clip",
        "open_clip_torch",
        "open-clip",
        f"{__name__}.open_clip_networks",
        "open_clip:MODEL/PRETRAINED",
    ),
}


def library_of(name: str) -> Library | None:
    """Return the library that ``name`` says by its prefix; None where it says none."""
    prefix, colon, _ = name.partition(":")
    return LIBRARIES.get(prefix) if colon else None


def shelf_of(arch: str) -> tuple[Shelf, str] | None:
    """Return the shelf of an architecture, and its name there; None for one of no library.

    Raises ExtractorError where the library is not installed, or no name follows the prefix.
    """
    library = library_of(arch)
    if library is None:
        return None
    name = arch.partition(":")[2]
    if not name:
        raise ExtractorError(f"{shown(arch)} names no network: write {library.names}")
    return library.shelf(), name


def find(arch: str, weights: Path | None, instead: str) -> Pretrained:
    """Find a network of a library, with its published weights or those in a file.

    instead: what to do where they cannot be fetched. Raises ExtractorError as ``shelf_of``, for a
    file that cannot be read, and ValueError where no library is named.
    """
    found = shelf_of(arch)
    if found is None:
        raise ValueError(f"{arch!r} is of no library")
    shelf, name = found
    return shelf.find(name, weights, instead)
