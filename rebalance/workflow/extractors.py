"""What can look at images: each kind of extractor, and what works of it on this machine.

torchvision and the like are imported only where somebody asks for names, or there is something to
know. May not import click.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from rebalance.models.published import fetched, hub_folder, published
from rebalance.records import ListedExtractor, ListedNetwork

Kind = Callable[[Sequence[str]], ListedExtractor]


def extractors(*names: str) -> list[ListedExtractor]:
    """List every kind of extractor, and what works of it here without a download.

    names: networks are looked for by these parts of their names, or patterns with ``*`` and ``?``,
    and told as ``found``; by ``*`` all there are. A library is imported only then.

    >>> import rebalance
    >>> imagenet, *_ = rebalance.extractors("mobilenet_v3")
    >>> [each["name"] for each in imagenet["found"]]
    ['imagenet:mobilenet_v3_large', 'imagenet:mobilenet_v3_small']
    """
    return [kind(names) for kind in KINDS.values()]


def imagenet(names: Sequence[str]) -> ListedExtractor:
    """torchvision's networks with the weights it publishes; --arch says which, else resnet50."""
    here = fetched()
    known = {f"imagenet:{name}": name in here for name in published()} if names else {}
    number = "1 network" if len(here) == 1 else f"{len(here)} networks"
    state = f"weights of {number}" if here else "none of its weights"
    return _listed(
        "imagenet",
        imagenet,
        works=bool(here),
        state=f"{state} in {str(hub_folder())!r}",
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


# What --extractor takes, the default first.
KINDS: Mapping[str, Kind] = {each.__name__: each for each in (imagenet, finetune, path)}


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
