"""What can look at images: each kind of extractor, and what works of it on this machine.

torchvision and the like are imported only where somebody asks for names, or there is something to
know. May not import click.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from rebalance.errors import ExtractorError
from rebalance.models.libraries import LIBRARIES, hub
from rebalance.models.packaged import PACKAGES, find_packaged
from rebalance.models.published import (
    fetched,
    published,
    torch_cache,
)
from rebalance.records import ListedExtractor, ListedNetwork

Kind = Callable[[Sequence[str]], ListedExtractor]


def extractors(*names: str) -> list[ListedExtractor]:
    """List every kind of extractor, and what works of it here without a download.

    names: networks are looked for by these parts of their names, or patterns with ``*`` and ``?``,
    and told as ``found``; by ``*`` all there are, by ``timm:*`` those of timm. A library is
    imported only then.

    >>> import rebalance
    >>> imagenet, *_ = rebalance.extractors("mobilenet_v3")
    >>> [each["name"] for each in imagenet["found"]]
    ['imagenet:mobilenet_v3_large', 'imagenet:mobilenet_v3_small']
    """
    return [
        kind([name for name in names if _prefix(name) in (None, key)])
        for key, kind in KINDS.items()
    ]


def _prefix(name: str) -> str | None:
    """The kind of extractor that a name says before a colon; None where it says none."""
    prefix, colon, _ = name.partition(":")
    return prefix if colon and prefix in KINDS else None


def imagenet(names: Sequence[str]) -> ListedExtractor:
    """The networks that torchvision publishes weights of."""
    here = fetched()
    known = {f"imagenet:{name}": name in here for name in published()} if names else {}
    state = f"weights of {_counted(here)}" if here else "none of its weights"
    return _listed(
        "imagenet",
        "torchvision's networks with the weights it publishes; --arch says which, else resnet50.",
        works=bool(here),
        state=f"{state} in {str(torch_cache())!r}",
        weights=here,
        known=known,
        names=names,
    )


def packaged(name: str, names: Sequence[str]) -> ListedExtractor:
    """Weights that come in a package, which nothing has to be downloaded for."""
    known: dict[str, bool | None] = {name: True}
    says = f"{PACKAGES[name].arch} with ImageNet weights that come in a package: no download."
    try:
        release = find_packaged(name, None).release
    except ExtractorError as error:
        install = str(error).rpartition(": ")[2]
        state = f"{PACKAGES[name].name} is not installed"
        return _listed(name, says, works=False, state=state, install=install, names=names)
    return _listed(name, says, state=release, weights=[name], known=known, names=names)


def finetune(names: Sequence[str]) -> ListedExtractor:
    """Any network, trained first; those for small images are found by their names."""
    known: dict[str, bool | None] = {}
    if names:
        from rebalance.models.cifar import CIFAR_NETWORKS

        known = dict.fromkeys(CIFAR_NETWORKS)
    says = "A network that is trained on DATA first, of any architecture that there is."
    return _listed("finetune", says, state="nothing to fetch", known=known, names=names)


def path(names: Sequence[str]) -> ListedExtractor:
    """Files of weights."""
    says = "A run of yours, or a checkpoint; of a state dict --arch says what network it is of."
    return _listed("PATH", says, state="your own")


def features(names: Sequence[str]) -> ListedExtractor:
    """Files of features."""
    from rebalance.features.files.formats import FORMATS

    says = "Features of your own, by --features; --compare takes them by their path."
    return _listed("FILE", says, state=", ".join(FORMATS))


def of_library(prefix: str, names: Sequence[str]) -> ListedExtractor:
    """The networks of a library, which is imported only where names of it are asked for."""
    library, told = LIBRARIES[prefix], BY_LIBRARY[prefix]
    try:
        installed = f"{library.distribution} {library.version()}"
    except ExtractorError as error:
        return _listed(
            library.names,
            told.says,
            works=False,
            state=f"{library.distribution} is not installed",
            install=str(error).rpartition(": ")[2],
            names=names,
        )
    known = {each.arch: each.cached for each in library.shelf().available()} if names else {}
    in_hub = (told.named(name, files) for name, files in hub.kept().items())
    here = [name for name, cached in known.items() if cached] if names else [*filter(None, in_hub)]
    kept = f"weights of {_counted(here)}" if here else "none of its weights"
    return _listed(
        library.names,
        told.says,
        works=bool(here),
        state=f"{installed} with {kept} in {str(hub.cache())!r}",
        weights=here,
        known=known,
        names=names,
    )


def named_by_timm(name: str, files: Set[str]) -> str | None:
    """The name of a repository of timm's own weights; None for another."""
    owner, _, network = name.partition("/")
    return f"timm:{network}" if owner == "timm" and "model.safetensors" in files else None


def named_by_transformers(name: str, files: Set[str]) -> str | None:
    """The name of a repository that says how images are prepared for its model, or None."""
    described = "config.json" in files and not PREPARED.isdisjoint(files)
    return f"hf:{name}" if described else None


def named_by_open_clip(name: str, files: Set[str]) -> str | None:
    """The name of a repository that describes a model of open_clip; None for another."""
    return f"open_clip:hf-hub:{name}" if "open_clip_config.json" in files else None


class OfLibrary(NamedTuple):
    """What is to be told of a library's networks.

    named: from the name of a repository in the hub's cache, and those of its files, to that of the
    library's network, if it is one.
    """

    says: str
    named: Callable[[str, Set[str]], str | None]


PREPARED = {"preprocessor_config.json", "processor_config.json"}
BY_LIBRARY = {
    "timm": OfLibrary(
        "A network of timm, pooled and prepared as its authors do; --weights takes a file for it.",
        named_by_timm,
    ),
    "hf": OfLibrary(
        "A model of images of the Hugging Face hub, or in a folder, as transformers reads it.",
        named_by_transformers,
    ),
    "open_clip": OfLibrary(
        "The image tower of a CLIP of open_clip; --weights takes a file for it.",
        named_by_open_clip,
    ),
}
# What --extractor takes, the default first.
KINDS: Mapping[str, Kind] = {
    "imagenet": imagenet,
    **{name: partial(packaged, name) for name in PACKAGES},
    "finetune": finetune,
    "PATH": path,
    "FILE": features,
    **{prefix: partial(of_library, prefix) for prefix in LIBRARIES},
}


def _counted(networks: Sequence[str]) -> str:
    return "1 network" if len(networks) == 1 else f"{len(networks):,} networks"


def _listed(
    name: str,
    says: str,
    *,
    state: str,
    works: bool = True,
    install: str | None = None,
    weights: Sequence[str] | None = None,
    known: Mapping[str, bool | None] | None = None,
    names: Sequence[str] = (),
) -> ListedExtractor:
    """Describe a kind. known: its networks, if ``names`` were asked for."""
    return {
        "name": name,
        "says": says,
        "works": works,
        "state": state,
        "install": install,
        "weights": None if weights is None else list(weights),
        "networks": len(known or {}) if names else None,
        "found": list(_matching(known or {}, names)) if names else None,
    }


def _matching(known: Mapping[str, bool | None], names: Sequence[str]) -> Iterator[ListedNetwork]:
    """Yield the networks that have one of these parts or patterns in their name."""
    patterns = [name if set(name) & set("*?") else f"*{name}*" for name in names]
    for network, weights in known.items():
        if any(fnmatchcase(network.lower(), pattern.lower()) for pattern in patterns):
            yield {"name": network, "weights": weights}
