"""Networks by the name of their architecture, with random weights, whoever's they are.

An architecture is torchvision's, one of our own for small images, or one of another library.
Imports torch.
"""

from collections.abc import Mapping
from typing import Any

from rebalance.models.backbones import build, find_family
from rebalance.models.libraries import shelf_of
from rebalance.models.network import Network, network_of, with_new_head
from rebalance.models.transforms import Transform, plain_transform


def check_architecture(arch: str) -> None:
    """Raise ExtractorError for an architecture that there is not."""
    found = shelf_of(arch)
    if found is None:
        find_family(arch)
    else:
        shelf, name = found
        shelf.check(name)


def usual_transform(arch: str) -> Transform:
    """Return the transform of ``arch`` where no weights tell another.

    Raises ExtractorError for an unknown architecture.
    """
    found = shelf_of(arch)
    if found is None:
        return plain_transform(arch)
    shelf, name = found
    return shelf.usual_transform(name)


def untrained_network(
    arch: str, classes: int, description: Mapping[str, Any] | None = None
) -> Network:
    """Build ``arch`` with the head that its authors give it, of ``classes`` outputs.

    The weights come from torch's global generator. description: of a network of another library
    that is built again. Raises ExtractorError for an unknown architecture.
    """
    found = shelf_of(arch)
    if found is None:
        return network_of(arch, build(arch, classes), plain_transform(arch).crop)
    shelf, name = found
    return shelf.build(name, classes, description)


def fresh_network(arch: str, classes: int, description: Mapping[str, Any] | None = None) -> Network:
    """Build ``arch`` with random weights and the head of ``network.paper_head``.

    The rest is as for ``untrained_network``.
    """
    # The head that comes with it is left behind: its size does not matter.
    return with_new_head(untrained_network(arch, 1, description), classes)
