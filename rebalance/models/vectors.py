"""A network of feature vectors that come from a file: the vectors as they are, and a linear layer.

It looks at no image; what else can be done with one is refused by ``pretrained.find_pretrained``.
Imports torch only to build it.
"""

from typing import TYPE_CHECKING

from rebalance.models.transforms import Transform

if TYPE_CHECKING:
    from rebalance.models.network import Network

VECTORS = "features"  # what is in the place of its architecture

# What a checkpoint tells of how images are seen; nothing looks at any.
UNSEEN = Transform(1, 1, (0, 0, 0), (1, 1, 1), "nearest")


def vector_network(columns: int, classes: int) -> "Network":
    """Build the network that maps vectors [N, columns] to logits [N, classes].

    The weights come from torch's global generator.
    """
    from torch import nn

    from rebalance.models.heads import fresh_output
    from rebalance.models.network import Network

    return Network(nn.Identity(), None, fresh_output([], columns, classes), image_size=1)
