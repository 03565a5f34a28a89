"""The network of a run before training: its weights, its head, its transform.

Imports torch only to build it; never click.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebalance import seeds
from rebalance.models.pretrained import ARCH, Wording, find_pretrained
from rebalance.progress import silent
from rebalance.settings import RECIPES, RESIZE, TrainOptions

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

SMALL_ARCH = "cifar_resnet32"  # the literature's network for 32-pixel images
WEIGHTS = Wording(
    "--weights is scratch, imagenet, lite0, or the path of a checkpoint",
    "pass --weights lite0, which are installed, --weights scratch, which needs none, or a "
    "downloaded checkpoint as --weights PATH",
)


def check_weights(training: TrainOptions) -> None:
    """Raise ExtractorError for weights or an architecture that there are not; nothing is loaded."""
    from rebalance.models.building import check_architecture

    weights = training.weights or "scratch"
    source = None if weights == "scratch" else find_pretrained(weights, training.arch, WEIGHTS)
    check_architecture(source.arch if source else training.arch or ARCH)


def untrained(
    training: TrainOptions, classes: Sequence[str], loss: "Loss", seed: int
) -> "tuple[str, Network, Transform]":
    """The architecture, the network before training, and its transform; drawn from the seed."""
    import torch

    from rebalance.models.heads import with_cosine_output
    from rebalance.models.network import take
    from rebalance.models.transforms import with_view

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.integer(seed, "weights"))
        arch, network, transform, resize = _classifier(training, len(classes))
        if loss.takes_cosines:
            network = with_cosine_output(network)
    if training.image_size is not None:
        take(network, training.image_size)
    return arch, network, with_view(transform, training.image_size, training.resize or resize)


def _classifier(
    training: TrainOptions, classes: int
) -> "tuple[str, Network, Transform, str | None]":
    """Build the paper's head for ``transfer``, and the literature's last layer for ``scratch``.

    The last is how images become squares for such weights.
    """
    from rebalance.models.building import fresh_network, untrained_network, usual_transform
    from rebalance.models.network import with_new_head

    transfer = RECIPES[training.recipe].supposes_pretrained
    weights = training.weights or ("imagenet" if transfer else "scratch")
    if weights != "scratch":
        source = find_pretrained(weights, training.arch, WEIGHTS)
        body, transform = source.load(silent)
        return source.arch, with_new_head(body, classes), transform, source.resize
    arch = training.arch or (ARCH if transfer else SMALL_ARCH)
    transform, make = usual_transform(arch), fresh_network if transfer else untrained_network
    return arch, make(arch, classes), transform, RESIZE
