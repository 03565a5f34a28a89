"""What can look at images: each kind of extractor, and what works of it on this machine.

torchvision and the like are imported only where somebody asks for names, or there is something to
know. May not import click.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from rebalance.errors import ExtractorError
from rebalance.models.libraries import LIBRARIES
from rebalance.models.published import (
    fetched,
    hub_cache,
    kept_in_hub_cache,
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
    """torchvision's networks with the weights it publishes; --arch says which, else resnet50."""
    here = fetched()
    known = {f"imagenet:{name}": name in here for name in published()} if names else {}
    state = f"weights of {_counted(here)}" if here else "none of its weights"
    return _listed(
        "imagenet",
        imagenet,
        works=bool(here),
        state=f"{state} in {str(torch_cache())!r}",
        weights=here,
        known=known,
        names=names,
    )


def finetune(names: Sequence[str]) -> ListedExtractor:
    """A network that is trained on DATA first, of any architecture of torchvision's or ours."""
    known: dict[str, bool | None] = {}
    if names:
        from rebalance.models.cifar import CIFAR_NETWORKS

        known = dict.fromkeys(CIFAR_NETWORKS)
    return _listed("finetune", finetune, state="nothing to fetch", known=known, names=names)


def path(names: Sequence[str]) -> ListedExtractor:
    """A run of yours, or a checkpoint; of a state dict --arch says what network it is of."""
    return _listed("PATH", path, state="your own")


def features(names: Sequence[str]) -> ListedExtractor:
    """Features that somebody computed, by --features; --compare takes them by their path."""
    from rebalance.features.files.formats import FORMATS

    return _listed("FILE", features, state=", ".join(FORMATS))


def timm(names: Sequence[str]) -> ListedExtractor:
    """A network of timm, pooled and prepared as its authors do; --weights takes a file for it."""
    return _of_library(timm, names, lambda name, files: name.startswith("timm/"))


# What --extractor takes, the default first.
KINDS: Mapping[str, Kind] = {
    each.__name__: each for each in (imagenet, finetune, path, features, timm)
}


def _of_library(
    kind: Kind, names: Sequence[str], is_own: Callable[[str, set[str]], bool]
) -> ListedExtractor:
    """Describe the networks of a library, which is imported only where names of it are asked for.

    is_own: whether a repository of the hub, by its name and those of its files, is of the library.
    """
    library = LIBRARIES[kind.__name__]
    try:
        installed = f"{library.distribution} {library.version()}"
    except ExtractorError as error:
        install = str(error).rpartition(": ")[2]
        state = f"{library.distribution} is not installed"
        return _listed(library.names, kind, works=False, state=state, install=install, names=names)
    if names:
        known = {each.arch: each.cached for each in library.shelf().available()}
        here = [name for name, cached in known.items() if cached]
    else:
        known = {}
        here = [name for name, files in kept_in_hub_cache().items() if is_own(name, files)]
    kept = f"weights of {_counted(here)}" if here else "none of its weights"
    return _listed(
        library.names,
        kind,
        works=bool(here),
        state=f"{installed} with {kept} in {str(hub_cache())!r}",
        weights=here,
        known=known,
        names=names,
    )


def _counted(networks: Sequence[str]) -> str:
    return "1 network" if len(networks) == 1 else f"{len(networks):,} networks"


def _listed(
    name: str,
    kind: Kind,
    *,
    state: str,
    works: bool = True,
    install: str | None = None,
    weights: Sequence[str] | None = None,
    known: Mapping[str, bool | None] | None = None,
    names: Sequence[str] = (),
) -> ListedExtractor:
    """Describe a kind; its function says what it is."""
    return {
        "name": name,
        "says": (kind.__doc__ or "").strip(),
        "works": works,
        "state": state,
        "install": install,
        "weights": None if weights is None else list(weights),
        "networks": len(known) if known and names else None,
        "found": list(_matching(known or {}, names)) if names else None,
    }


def _matching(known: Mapping[str, bool | None], names: Sequence[str]) -> Iterator[ListedNetwork]:
    """Yield the networks that have one of these parts or patterns in their name."""
    patterns = [name if set(name) & set("*?") else f"*{name}*" for name in names]
    for network, weights in known.items():
        if any(fnmatchcase(network.lower(), pattern.lower()) for pattern in patterns):
            yield {"name": network, "weights": weights}
